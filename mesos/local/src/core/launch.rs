//! ACCEPT: tasks are checked and sent to their executors, which are started when they are not there
//! yet.

use mesos::v1::{
    OfferId, TaskInfo, TaskState, offer::operation, scheduler::call::Accept, task_status::Reason,
};

use super::{
    Amount, Core, Output, Refusal,
    endings::grace,
    executor::{Container, Executor, ExecutorKey, Phase},
    framework::Task,
    resources::allocate,
    validate::{self, Checked, Demand},
};

/// The accepted offers together.
struct Pool {
    agent: usize,
    role: String,
    available: Amount,
}

impl Core {
    pub(super) fn accept(&mut self, framework: &str, call: Accept) -> Result<(), Refusal> {
        let foreign = call.operations.iter().find(|it| it.r#type() != operation::Type::Launch);
        if let Some(operation) = foreign {
            let what = operation.r#type().as_str_name();
            return Err(Refusal::NotImplemented(format!(
                "The local Mesos does LAUNCH operations only, not {what}"
            )));
        }
        let tasks = call
            .operations
            .into_iter()
            .filter_map(|it| it.launch)
            .flat_map(|launch| launch.task_infos);
        match self.take_offers(framework, &call.offer_ids) {
            Err(why) => self.drop_tasks(framework, tasks, &why),
            Ok(mut pool) => {
                for task in tasks {
                    self.launch(framework, task, &mut pool);
                }
                self.refuse(
                    framework,
                    pool.agent,
                    &pool.role,
                    pool.available,
                    call.filters.as_ref(),
                );
            }
        }
        Ok(())
    }

    /// Takes the offers off the table, all of them even if one is no good.
    fn take_offers(&mut self, framework: &str, ids: &[OfferId]) -> Result<Pool, String> {
        let mut pool: Option<Pool> = None;
        let mut fault = ids.is_empty().then(|| "No offers specified".to_owned());
        for OfferId { value: id } in ids {
            let mine = self.offers.get(id).is_some_and(|offer| offer.framework == framework);
            let Some(offer) = self.offers.remove(id).filter(|_| mine) else {
                fault.get_or_insert(format!("Offer {id} is no longer valid"));
                continue;
            };
            let pool = pool.get_or_insert_with(|| Pool {
                agent: offer.agent,
                role: offer.role.clone(),
                available: Amount::default(),
            });
            if (pool.agent, &pool.role) != (offer.agent, &offer.role) {
                fault.get_or_insert(format!(
                    "Aggregated offers must belong to one single agent and role. Offer {id}"
                ));
            }
            pool.available.add(&offer.resources);
        }
        match (fault, pool) {
            (None, Some(pool)) => Ok(pool),
            (fault, _) => Err(fault.unwrap_or_default()),
        }
    }

    fn drop_tasks(&mut self, framework: &str, tasks: impl Iterator<Item = TaskInfo>, why: &str) {
        let Some(it) = self.frameworks.get(framework) else { return };
        let state = it.lost_or(TaskState::TaskDropped);
        let message = format!("Task launched with invalid offers: {why}");
        for task in tasks {
            self.reject(framework, &task, state, Reason::InvalidOffers, &message);
        }
    }

    fn reject(
        &mut self,
        framework: &str,
        task: &TaskInfo,
        state: TaskState,
        reason: Reason,
        message: &str,
    ) {
        let agent = task.agent_id.value.as_str();
        let status = self.master_status(&task.task_id.value, Some(agent), state, reason, message);
        self.send_status(framework, status);
    }

    fn launch(&mut self, framework: &str, mut task: TaskInfo, pool: &mut Pool) {
        let roles = Some(pool.role.as_str());
        allocate(&mut task.resources, roles);
        if let Some(executor) = &mut task.executor {
            allocate(&mut executor.resources, roles);
        }
        let key = ExecutorKey::of(&task, framework, pool.agent);
        let existing =
            key.as_ref().and_then(|key| self.executors.get(key)).map(|executor| &executor.info);
        let known = self.frameworks.get(framework).and_then(|it| it.tasks.get(&task.task_id.value));
        let demand = Demand {
            framework,
            agent_id: &self.agents[pool.agent].id,
            duplicate: known.is_some(),
            existing,
            available: &pool.available,
        };
        let checked = match validate::check(&task, &demand) {
            Ok(checked) => checked,
            Err(message) => {
                self.reject(framework, &task, TaskState::TaskError, Reason::TaskInvalid, &message);
                return;
            }
        };
        let Some(key) = key else { return };
        task.executor = Some(checked.executor.clone());
        pool.available.subtract(&checked.task_resources);
        if !self.executors.contains_key(&key) {
            pool.available.subtract(&checked.executor_resources);
        }
        self.place(&key, task, &pool.role, checked);
    }

    /// Notes the task and brings it to its executor.
    fn place(&mut self, key: &ExecutorKey, task: TaskInfo, role: &str, checked: Checked) {
        let Some(it) = self.frameworks.get_mut(&key.framework) else { return };
        let noted = Task {
            executor: key.clone(),
            role: role.to_owned(),
            resources: checked.task_resources.clone(),
            state: TaskState::TaskStaging,
            sent: None,
        };
        let id = task.task_id.value.clone();
        it.tasks.insert(id.clone(), noted);
        let terminating = it.lost_or(TaskState::TaskDropped);
        match self.executors.get_mut(key).map(|executor| (executor.phase, executor)) {
            None => self.start_executor(key, task, checked),
            Some((Phase::Registering(_), executor)) => executor.queued.push(task),
            Some((Phase::Running, _)) => self.launch_on(key, task),
            Some((Phase::Terminating(_), _)) => {
                self.agent_update(
                    key,
                    &id,
                    terminating,
                    Reason::ExecutorTerminated,
                    "Executor terminating",
                );
            }
        }
    }

    fn start_executor(&mut self, key: &ExecutorKey, task: TaskInfo, checked: Checked) {
        let Some(framework) =
            self.frameworks.get(&key.framework).map(|framework| framework.info.clone())
        else {
            return;
        };
        let container = self.ids.uuid();
        let launch = Container {
            id: container,
            key: key.clone(),
            agent_id: self.agents[key.agent].id.clone(),
            info: checked.executor.clone(),
            checkpoint: framework.checkpoint(),
            grace: grace(&checked.executor, self.options.shutdown_grace),
        };
        let executor = Executor {
            info: checked.executor,
            framework,
            container,
            resources: checked.executor_resources,
            phase: Phase::Registering(self.now.uptime + self.options.registration_timeout),
            stream: None,
            pid: None,
            queued: vec![task],
            used: false,
            ended_for: None,
        };
        self.executors.insert(key.clone(), executor);
        self.outputs.push(Output::Launch(Box::new(launch)));
    }
}
