//! What a master shows its operators, as far as it shows us.

use crate::fakes::{framework, peer};
use framework::{Framework, options, subscribe};
use mesos::{
    scheduler::{Credential, SchedulerOptions, Snapshot},
    v1::master::{Call, call::Type},
};
use peer::{FakePeer, soon};

#[tokio::test]
async fn what_a_master_does_not_tell_is_missing_and_each_question_is_asked_once_with_our_credential()
 {
    let mut master = FakePeer::start().await;
    let credential = Some(Credential { principal: "flink".to_owned(), secret: "s".to_owned() });
    let mut framework =
        Framework::open(SchedulerOptions { credential, ..options(&master.address.to_string()) })
            .await;
    let _events = subscribe(master.asked().await, "stream-1");
    framework.until_subscribed().await;
    let answers = async {
        let mut asked = Vec::new();
        for (status, text) in [(403, "no"), (404, ""), (200, "not protobuf"), (401, "")] {
            let question = master.asked().await;
            assert_eq!(question.path, "/api/v1");
            assert_eq!(question.header("authorization"), Some("Basic Zmxpbms6cw=="));
            asked.push(question.call::<Call>().r#type());
            question.answer(status, text);
        }
        asked
    };
    let (snapshot, asked) =
        soon(async { tokio::join!(framework.handle.snapshot(), answers) }).await;
    assert_eq!(snapshot, Snapshot::default());
    assert_eq!(
        asked,
        [Type::GetQuota, Type::GetRoles, Type::GetMaintenanceStatus, Type::GetAgents]
    );
    assert!(!master.is_asked());
}
