//! What is offered, and when it is offered again.

use std::time::Duration;

use mesos::v1::{FrameworkInfo, framework_info::capability::Type as Capability, scheduler::event};
use tokio::time::Instant;

use crate::{
    cluster::{Cluster, ROUND},
    framework::Framework,
    messages::{self, capability, sum},
    puppet::Puppet,
    raw::MOMENT,
};

/// Seconds that offers are filtered, and a time well within that, even on a busy machine.
const FILTER: f64 = 3.0;
const WELL_WITHIN_FILTER: Duration = Duration::from_millis(1500);

behaviours!(
    an_offer_describes_the_agent_and_all_that_is_free,
    a_framework_of_many_roles_learns_which_role_an_offer_is_for,
    an_offer_that_is_held_is_not_made_twice,
    an_offer_declined_without_delay_comes_again_in_the_next_round,
    a_declined_offer_comes_again_when_its_filter_ends,
    an_offer_declined_without_a_filter_comes_again_after_five_seconds,
    the_rest_of_an_accepted_offer_is_filtered_too,
    revive_forgets_the_filters,
    suppress_ends_offers_and_revive_begins_them_again,
    an_offer_from_before_suppress_is_still_valid,
    used_resources_are_not_offered,
    an_offer_that_one_framework_declines_goes_to_another,
);

async fn an_offer_describes_the_agent_and_all_that_is_free(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let offer = framework.offer().await;
    assert_eq!(
        (offer.framework_id.value.as_str(), offer.hostname.as_str()),
        (framework.id.as_str(), "127.0.0.1")
    );
    assert!(offer.agent_id.value.ends_with("-S0"), "{:?}", offer.agent_id);
    let url = offer.url.unwrap();
    assert_eq!((url.scheme.as_str(), url.path()), ("http", "/slave(1)"));
    for (name, value) in [("cpus", 4.0), ("mem", 4096.0), ("disk", 8192.0)] {
        assert!(
            (sum(&offer.resources, name) - value).abs() < 1e-9,
            "{name}: {:?}",
            offer.resources
        );
    }
    let ports = offer.resources.iter().find(|resource| resource.name == "ports").unwrap();
    assert!(!ports.ranges.as_ref().unwrap().range.is_empty());
    for resource in &offer.resources {
        assert_eq!(
            (resource.role.as_deref(), &resource.allocation_info),
            (Some("*"), &None),
            "{resource:?}"
        );
    }
    assert_eq!((offer.allocation_info, offer.executor_ids.len()), (None, 0));
}

async fn a_framework_of_many_roles_learns_which_role_an_offer_is_for(cluster: &Cluster) {
    let capabilities =
        [Capability::MultiRole, Capability::ReservationRefinement].map(capability).to_vec();
    let info = FrameworkInfo { capabilities, roles: vec!["flink".into()], ..messages::framework() };
    let offer = Framework::subscribe(cluster, info).await.offer().await;
    assert_eq!(offer.allocation_info.unwrap().role(), "flink");
    for resource in offer.resources {
        assert_eq!(resource.role, None, "unreserved, as ReservationRefinement says it");
        assert_eq!(resource.allocation_info.unwrap().role(), "flink");
    }
}

async fn an_offer_that_is_held_is_not_made_twice(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    framework.offer().await;
    framework.none_within(event::Type::Offers, ROUND * 3).await;
}

async fn an_offer_declined_without_delay_comes_again_in_the_next_round(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let mut first = framework.offer().await;
    let mut waits = Vec::new();
    // Sooner than without a filter in the call, which means five seconds. On a busy machine, one
    // try says little.
    while waits.iter().all(|wait| *wait >= Duration::from_millis(4500)) {
        assert!(waits.len() < 5, "{waits:?}");
        framework.decline(std::slice::from_ref(&first), Some(0.0)).await;
        let declined = Instant::now();
        let second = framework.offer().await;
        waits.push(declined.elapsed());
        assert_ne!(first.id, second.id);
        assert_eq!(first.resources, second.resources);
        first = second;
    }
}

async fn a_declined_offer_comes_again_when_its_filter_ends(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let offer = framework.offer().await;
    let declined = Instant::now();
    framework.decline(&[offer], Some(FILTER)).await;
    framework.none_until(event::Type::Offers, declined + WELL_WITHIN_FILTER).await;
    framework.offer().await;
}

async fn an_offer_declined_without_a_filter_comes_again_after_five_seconds(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let offer = framework.offer().await;
    let declined = Instant::now();
    framework.decline(&[offer], None).await;
    framework.none_until(event::Type::Offers, declined + Duration::from_millis(3500)).await;
    framework.offer().await;
}

async fn the_rest_of_an_accepted_offer_is_filtered_too(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let offer = framework.offer().await;
    let accepted = Instant::now();
    framework.accept(&[&offer], Vec::new(), Some(FILTER)).await;
    framework.none_until(event::Type::Offers, accepted + WELL_WITHIN_FILTER).await;
    framework.offer().await;
}

async fn revive_forgets_the_filters(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let offer = framework.offer().await;
    framework.decline(&[offer], Some(1000.0)).await;
    framework.none_within(event::Type::Offers, ROUND * 3).await;
    framework.revive().await;
    framework.offer().await;
}

async fn suppress_ends_offers_and_revive_begins_them_again(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let offer = framework.offer().await;
    framework.suppress().await;
    framework.decline(&[offer], Some(0.0)).await;
    framework.none_within(event::Type::Offers, ROUND * 3).await;
    framework.revive().await;
    framework.offer().await;
}

async fn an_offer_from_before_suppress_is_still_valid(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let offer = framework.offer().await;
    framework.suppress().await;
    let puppet = Puppet::new();
    let executor = messages::executor("e", puppet.command());
    framework.launch(&offer, vec![messages::task("t", &offer, &executor)]).await;
    let mut executor = crate::executor::Executor::subscribe(&framework, &offer, "e", &puppet).await;
    executor.launched().await;
}

async fn used_resources_are_not_offered(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (_executor, first) = framework.run_task(&puppet).await;
    let rest = framework.offer().await;
    assert_eq!(rest.agent_id, first.agent_id);
    // A tenth of a CPU and 32 MB for the task, and the same for its executor.
    assert!((sum(&rest.resources, "cpus") - 3.8).abs() < 1e-9, "{:?}", rest.resources);
    assert!((sum(&rest.resources, "mem") - 4032.0).abs() < 1e-9, "{:?}", rest.resources);
    assert_eq!(rest.executor_ids, [mesos::v1::ExecutorId::from("e")]);
    // What exceeds the declined rest passes the filter.
    framework.decline(&[rest], Some(1000.0)).await;
    puppet.run("exit 0").await;
    // What the task used may come back before what its executor used.
    let mut offer = framework.offer().await;
    while sum(&offer.resources, "cpus") < 4.0 - 1e-9 {
        framework.decline(&[offer], Some(0.0)).await;
        offer = framework.offer().await;
    }
    assert!((sum(&offer.resources, "cpus") - 4.0).abs() < 1e-9, "{:?}", offer.resources);
}

async fn an_offer_that_one_framework_declines_goes_to_another(cluster: &Cluster) {
    let mut first = cluster.framework().await;
    let mut second = cluster.framework().await;
    let offer = first.offer().await;
    second.none_within(event::Type::Offers, MOMENT).await;
    first.decline(std::slice::from_ref(&offer), Some(1000.0)).await;
    assert_eq!(second.offer().await.resources, offer.resources);
}
