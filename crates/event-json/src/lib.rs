//! Events as JSON: one form everywhere. Live feeds, webhooks and GraphQL show an [`EventView`]; the stores keep the same
//! `type` and `data` of it in their logs ([`to_text`], [`from_text`]).
//!
//! Every adapter that shows or keeps events may use this crate, as it may use the domain.

mod data;
mod parse;

use chrono::SecondsFormat;
use data::DataView;
use entrepot_domain::{
    Fault, Invalid,
    event::{Event, EventData},
};
use serde::{
    Serialize, Serializer,
    ser::{SerializeSeq, SerializeStruct},
};

/// An event as clients see it: `{"id":"…","type":"order.created","timestamp":"…","data":{…}}`.
#[derive(Debug, Clone, Copy)]
pub struct EventView<'a>(pub &'a Event);

impl Serialize for EventView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Event { id, at, data } = self.0;
        let mut view = serializer.serialize_struct("Event", 4)?;
        view.serialize_field("id", &id.to_string())?;
        view.serialize_field("type", data.kind().as_str())?;
        view.serialize_field("timestamp", &at.to_rfc3339_opts(SecondsFormat::Millis, true))?;
        view.serialize_field("data", &EventDataView(data))?;
        view.end()
    }
}

/// The `data` of an event.
#[derive(Debug, Clone, Copy)]
pub struct EventDataView<'a>(pub &'a EventData);

impl Serialize for EventDataView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match DataView::from(self.0) {
            DataView::OrderCreated(data) => data.serialize(serializer),
            DataView::OrderStatusChanged(data) => data.serialize(serializer),
            DataView::ProductCreated(data) | DataView::ProductUpdated(data) | DataView::ProductArchived(data) => {
                data.serialize(serializer)
            }
            DataView::StockChanged(data) => data.serialize(serializer),
            DataView::UserRegistered(data) | DataView::UserDeleted(data) => data.serialize(serializer),
        }
    }
}

/// The events of a record of the log, as a store keeps them: `[{"type":"order.created","data":{…}}, …]`.
pub fn to_text(events: &[EventData]) -> Result<String, Fault> {
    struct Record<'a>(&'a [EventData]);
    impl Serialize for Record<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut record = serializer.serialize_seq(Some(self.0.len()))?;
            self.0.iter().try_for_each(|event| record.serialize_element(&DataView::from(event)))?;
            record.end()
        }
    }
    serde_json::to_string(&Record(events)).map_err(Fault::unknown)
}

/// Reads such a text. Errors follow the name of the column: `is no list of events: …`.
pub fn from_text(text: &str) -> Result<Vec<EventData>, Invalid> {
    let views: Vec<DataView<'_>> =
        serde_json::from_str(text).map_err(|why| Invalid::new(format!("is no list of events: {why}")))?;
    views.into_iter().map(DataView::parse).collect()
}

#[cfg(test)]
mod tests {
    use entrepot_domain::{
        Money, OrderId, ProductId, UserId, Version,
        event::{EventId, EventPosition},
        order::OrderStatus,
        product::{Sku, Stock, StockReason},
    };
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn all() -> Vec<EventData> {
        let (order, user, version) = (OrderId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)), Version(3));
        let (product, sku) = (ProductId(Uuid::from_u128(4)), Sku::parse("MUG \"1\"").unwrap());
        let stock = |order| EventData::StockChanged {
            product,
            sku: sku.clone(),
            delta: -2,
            stock: Stock::new(5).unwrap(),
            reason: StockReason::parse("order.placed").unwrap(),
            order,
            version,
        };
        vec![
            EventData::OrderCreated {
                order,
                user,
                status: OrderStatus::Pending,
                total: Money::new(295, "GBP".parse().unwrap()).unwrap(),
                version,
            },
            EventData::OrderStatusChanged { order, user, from: OrderStatus::Pending, to: OrderStatus::Paid, version },
            EventData::ProductCreated { product, sku: sku.clone(), version },
            EventData::ProductUpdated { product, sku: sku.clone(), version },
            EventData::ProductArchived { product, sku: sku.clone(), version },
            stock(Some(order)),
            stock(None),
            EventData::UserRegistered { user },
            EventData::UserDeleted { user },
        ]
    }

    #[test]
    fn events_have_the_documented_form() {
        let id = EventId { position: EventPosition { record: 1, index: 0 }, nonce: 7 };
        let at = "2026-11-28T14:29:28Z".parse().unwrap();
        let view = |data: &EventData| {
            let event = Event { id, at, data: data.clone() };
            let text = serde_json::to_string(&EventView(&event)).unwrap();
            assert!(text.starts_with(r#"{"id":"000000000000000100000-00000007","type":""#), "{text}");
            serde_json::from_str::<serde_json::Value>(&text).unwrap()
        };
        let views: Vec<_> = all().iter().map(view).collect();
        let uuid = |n: u128| Uuid::from_u128(n).to_string();
        assert_eq!(views[0]["timestamp"], "2026-11-28T14:29:28.000Z");
        assert_eq!(
            views[0]["data"],
            json!({"orderId": uuid(1), "userId": uuid(2), "status": "pending",
                "total": {"amount": 295, "currency": "GBP"}, "version": 3})
        );
        assert_eq!(
            views[1]["data"],
            json!({"orderId": uuid(1), "userId": uuid(2), "from": "pending", "to": "paid", "version": 3})
        );
        for view in &views[2..5] {
            assert_eq!(view["data"], json!({"productId": uuid(4), "sku": "MUG \"1\"", "version": 3}));
        }
        let stock = json!({"productId": uuid(4), "sku": "MUG \"1\"", "delta": -2, "stock": 5, "reason": "order.placed",
            "version": 3});
        assert_eq!(views[6]["data"], stock);
        assert_eq!(views[5]["data"]["orderId"], uuid(1));
        assert_eq!((&views[7]["data"], &views[8]["data"]), (&json!({"userId": uuid(2)}), &json!({"userId": uuid(2)})));
        for (view, data) in views.iter().zip(all()) {
            assert_eq!(view["type"], data.kind().as_str());
        }
    }

    #[test]
    fn kept_events_are_read_again() {
        let text = to_text(&all()).unwrap();
        assert_eq!(from_text(&text), Ok(all()));
        assert!(text.starts_with(r#"[{"type":"order.created","data":{"orderId":"#), "{text}");
        assert_eq!(from_text("[]"), Ok(Vec::new()));
    }

    #[test]
    fn texts_that_break_a_rule_are_refused() {
        let text = to_text(&all()).unwrap();
        for (good, bad) in [
            ("\"order.created\"", "\"order.made\""),
            ("\"GBP\"", "\"gbp\""),
            ("\"pending\"", "\"waiting\""),
            ("\"stock\":5", "\"stock\":-5"),
            ("MUG", "M\\u0000G"),
        ] {
            assert!(from_text(&text.replace(good, bad)).is_err(), "{bad}");
        }
        assert!(from_text("{}").is_err() && from_text("").is_err());
    }
}
