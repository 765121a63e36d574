//! Messages in both encodings of the v1 API, protobuf and JSON, chosen by media type.
//!
//! JSON as Mesos writes it: field names as in the `.proto` files, 64-bit integers as numbers, bytes
//! in base64, enums by name. Fields that are unknown are ignored.

use bytes::Bytes;
use prost::Message;
use prost_reflect::{
    Cardinality, DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor,
    ReflectMessage as _, SerializeOptions, Value,
};

use mesos::v1::{DESCRIPTORS, executor, scheduler};

/// A media type that the v1 API speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    Protobuf,
    Json,
}

impl Media {
    pub(crate) const ALL: [Self; 2] = [Self::Json, Self::Protobuf];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// A message with its full name in the descriptors.
pub(crate) trait Described: Message + Default {
    const NAME: &'static str;
}

impl Described for scheduler::Call {
    const NAME: &'static str = "mesos.v1.scheduler.Call";
}

impl Described for scheduler::Event {
    const NAME: &'static str = "mesos.v1.scheduler.Event";
}

impl Described for executor::Call {
    const NAME: &'static str = "mesos.v1.executor.Call";
}

impl Described for executor::Event {
    const NAME: &'static str = "mesos.v1.executor.Event";
}

/// The descriptors of all messages. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Codec {
    pool: DescriptorPool,
}

impl Codec {
    pub(crate) fn new() -> Result<Self, prost_reflect::DescriptorError> {
        DescriptorPool::decode(DESCRIPTORS).map(|pool| Self { pool })
    }

    fn descriptor<M: Described>(&self) -> Result<MessageDescriptor, String> {
        self.pool
            .get_message_by_name(M::NAME)
            .ok_or_else(|| format!("no descriptor of {}", M::NAME))
    }

    /// Reads a call. The error is the body of the 400, worded as Mesos does.
    pub(crate) fn decode<M: Described>(&self, media: Media, body: &[u8]) -> Result<M, String> {
        let descriptor = self.descriptor::<M>()?;
        let (message, context) = match media {
            Media::Protobuf => {
                let context = "Failed to parse body into Call protobuf";
                (DynamicMessage::decode(descriptor, body).map_err(|_| context.to_owned())?, context)
            }
            Media::Json => {
                let json: serde_json::Value = serde_json::from_slice(body)
                    .map_err(|error| format!("Failed to parse body into JSON: {error}"))?;
                let context = "Failed to convert JSON into Call protobuf";
                if !json.is_object() {
                    return Err(format!("{context}: Expecting a JSON object"));
                }
                let options = DeserializeOptions::new().deny_unknown_fields(false);
                let message = DynamicMessage::deserialize_with_options(descriptor, json, &options);
                (message.map_err(|error| format!("{context}: {error}"))?, context)
            }
        };
        let mut missing = Vec::new();
        missing_fields(&message, "", &mut missing);
        if !missing.is_empty() {
            return Err(format!("{context}: Missing required fields: {}", missing.join(", ")));
        }
        message.transcode_to().map_err(|error| format!("{context}: {error}"))
    }

    /// Writes an event.
    pub(crate) fn encode<M: Described>(&self, media: Media, message: &M) -> Result<Bytes, String> {
        if media == Media::Protobuf {
            return Ok(message.encode_to_vec().into());
        }
        let mut dynamic = DynamicMessage::new(self.descriptor::<M>()?);
        dynamic.transcode_from(message).map_err(|error| error.to_string())?;
        let options =
            SerializeOptions::new().stringify_64_bit_integers(false).use_proto_field_name(true);
        let mut json = Vec::new();
        let mut serializer = serde_json::Serializer::new(&mut json);
        dynamic
            .serialize_with_options(&mut serializer, &options)
            .map_err(|error| error.to_string())?;
        Ok(json.into())
    }
}

/// Collects the paths of required fields that are not there: prost takes them for empty, Mesos
/// refuses.
fn missing_fields(message: &DynamicMessage, path: &str, missing: &mut Vec<String>) {
    for field in message.descriptor().fields() {
        let path = if path.is_empty() {
            field.name().to_owned()
        } else {
            format!("{path}.{}", field.name())
        };
        if !message.has_field(&field) {
            if field.cardinality() == Cardinality::Required {
                missing.push(path);
            }
            continue;
        }
        match message.get_field(&field).as_ref() {
            Value::Message(inner) => missing_fields(inner, &path, missing),
            Value::List(list) => {
                for (index, inner) in list
                    .iter()
                    .enumerate()
                    .filter_map(|(at, it)| it.as_message().map(|it| (at, it)))
                {
                    missing_fields(inner, &format!("{path}[{index}]"), missing);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use mesos::v1::{TaskStatus, scheduler::call::Type};

    use super::*;

    fn decode(json: &str) -> Result<scheduler::Call, String> {
        Codec::new().unwrap().decode(Media::Json, json.as_bytes())
    }

    #[test]
    fn a_call_in_json_may_carry_fields_that_nobody_knows() {
        let call =
            decode(r#"{"type":"REVIVE","framework_id":{"value":"f","x":1},"credentials":[{}]}"#)
                .unwrap();
        assert_eq!(call.r#type(), Type::Revive);
        assert_eq!(call.framework_id.unwrap().value, "f");
    }

    #[test]
    fn a_missing_required_field_is_named_in_either_encoding() {
        let json = r#"{"type":"ACCEPT","accept":{"operations":[{"launch":{"task_infos":[{"name":"n"}]}}]}}"#;
        let error = decode(json).unwrap_err();
        let at = "accept.operations[0].launch.task_infos[0]";
        let want = format!(
            "Failed to convert JSON into Call protobuf: Missing required fields: {at}.task_id, {at}.agent_id"
        );
        assert_eq!(error, want);
        let no_user = [10, 2, 18, 0];
        let subscribe = [&[26, 4], &no_user[..]].concat();
        let error = Codec::new()
            .unwrap()
            .decode::<scheduler::Call>(Media::Protobuf, &subscribe)
            .unwrap_err();
        assert!(error.contains("subscribe.framework_info.user"), "{error}");
    }

    #[test]
    fn bytes_are_base64_and_enums_are_names() {
        let status = TaskStatus {
            task_id: "t".into(),
            state: mesos::v1::TaskState::TaskRunning.into(),
            uuid: Some(Bytes::from_static(&[0xff, 0xfe])),
            timestamp: Some(4.0),
            unreachable_time: Some(mesos::v1::TimeInfo { nanoseconds: 1_700_000_000_000_000_000 }),
            ..TaskStatus::default()
        };
        let update = Some(scheduler::event::Update { status });
        let event = scheduler::Event {
            r#type: Some(scheduler::event::Type::Update.into()),
            update,
            ..Default::default()
        };
        let json = Codec::new().unwrap().encode(Media::Json, &event).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let want = serde_json::json!({"type": "UPDATE", "update": {"status": {
            "task_id": {"value": "t"}, "state": "TASK_RUNNING", "uuid": "//4=", "timestamp": 4.0,
            "unreachable_time": {"nanoseconds": 1_700_000_000_000_000_000_i64},
        }}});
        assert_eq!(json, want);
    }

    #[test]
    fn what_is_no_json_object_is_refused() {
        assert_eq!(
            decode("[]").unwrap_err(),
            "Failed to convert JSON into Call protobuf: Expecting a JSON object"
        );
        assert!(decode("{").unwrap_err().starts_with("Failed to parse body into JSON: "));
    }
}
