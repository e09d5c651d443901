//! A year of orders.

use anyhow::Result;
use chrono::{Datelike, TimeDelta};
use entrepot_domain::{
    OrderId, ProductId, Timestamp, UserId,
    order::{Basket, BasketLine, Draft, OrderAction, PlaceError, Placement, Refusal, Transition},
    product::Quantity,
};
use futures_util::future::try_join_all;

use super::{DAYS, Shop, cause, id_at, people::People};

/// The steps of an order that are still to come, with their times.
struct Open {
    order: OrderId,
    steps: Vec<(Timestamp, OrderAction)>,
}

impl Shop {
    /// Places the orders of each day, and takes the steps of older ones that are due on it.
    pub(super) async fn trade(
        &self,
        random: &mut fastrand::Rng,
        people: &People,
        products: &[ProductId],
    ) -> Result<()> {
        let mut open: Vec<Open> = Vec::new();
        for day in (0..DAYS).rev() {
            let end = self.now - TimeDelta::days(day);
            let drafts = drafts(random, people, products, end - TimeDelta::days(1));
            let placed = try_join_all(drafts.into_iter().map(|draft| self.place(draft))).await?;
            open.extend(placed.into_iter().flatten().map(|(order, at)| Open { order, steps: steps(random, at) }));
            let due = open.iter_mut().map(|Open { order, steps }| {
                let count = steps.partition_point(|(at, _)| *at <= end);
                self.take(people.clerk, *order, steps.drain(..count).collect())
            });
            try_join_all(due).await?;
            open.retain(|open| !open.steps.is_empty());
        }
        Ok(())
    }

    /// The order, and when it was placed. None if too little is left of something.
    async fn place(&self, draft: Draft) -> Result<Option<(OrderId, Timestamp)>> {
        let (id, at) = (draft.id, draft.at);
        match self.stores.orders.place(&Placement { draft, idempotency: None }).await {
            Ok(_) => Ok(Some((id, at))),
            Err(PlaceError::Refused(Refusal::InsufficientStock(_))) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes the steps of an order, one after the other.
    async fn take(&self, clerk: UserId, order: OrderId, steps: Vec<(Timestamp, OrderAction)>) -> Result<()> {
        for (at, action) in steps {
            let cause = cause(Some(clerk), at);
            let transition = Transition { action, actor: Some(clerk), expected: None, cause };
            self.stores.orders.transition(order, &transition).await?;
        }
        Ok(())
    }
}

/// The orders of a day: more at weekends, and more before Christmas.
fn drafts(random: &mut fastrand::Rng, people: &People, products: &[ProductId], begin: Timestamp) -> Vec<Draft> {
    let weekend = if begin.weekday().num_days_from_monday() >= 5 { 5 } else { 0 };
    let season = if begin.month() >= 11 { 6 } else { 0 };
    let known = people.customers.partition_point(|(_, registered)| *registered < begin);
    let customers = people.customers.get(..known).unwrap_or_default();
    let count = if customers.is_empty() { 0 } else { random.usize(3..=8) + weekend + season };
    let mut drafts = Vec::with_capacity(count);
    for _ in 0..count {
        let at = begin + TimeDelta::milliseconds(random.i64(0..24 * 60 * 60 * 1_000));
        let Some((user, _)) = random.choice(customers) else { break };
        let lines = (0..random.usize(1..=6)).filter_map(|_| line(random, products)).collect();
        if let Ok(basket) = Basket::new(lines) {
            drafts.push(Draft { id: OrderId(id_at(at)), user: *user, basket, at });
        }
    }
    drafts.sort_by_key(|draft| draft.at);
    drafts
}

/// A few of a product; the first products are bought most.
fn line(random: &mut fastrand::Rng, products: &[ProductId]) -> Option<BasketLine> {
    // The least of three numbers is small most of the time.
    let place = (0..3).map(|_| random.usize(..products.len())).min()?;
    let quantity = Quantity::new(random.i64(1..=4)).ok()?;
    Some(BasketLine { product: *products.get(place)?, quantity })
}

/// What becomes of an order that is placed at that time.
fn steps(random: &mut fastrand::Rng, at: Timestamp) -> Vec<(Timestamp, OrderAction)> {
    let actions: &[OrderAction] = match random.u8(0..100) {
        0..5 => &[OrderAction::Cancel],
        5..8 => &[OrderAction::Pay, OrderAction::Cancel],
        8..11 => &[OrderAction::Pay, OrderAction::Refund],
        11..13 => &[OrderAction::Pay, OrderAction::Ship, OrderAction::Deliver, OrderAction::Refund],
        _ => &[OrderAction::Pay, OrderAction::Ship, OrderAction::Deliver],
    };
    let mut at = at;
    let step = |action: &OrderAction| {
        let hours = if *action == OrderAction::Pay { 1..30 } else { 8..70 };
        at += TimeDelta::minutes(60 * random.i64(hours) + random.i64(0..60));
        (at, *action)
    };
    actions.iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_an_order_follow_each_other() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..200 {
            let placed = Timestamp::default();
            let steps = steps(&mut random, placed);
            assert!(!steps.is_empty() && steps.is_sorted_by_key(|(at, _)| *at));
            assert!(steps.iter().all(|(at, _)| *at > placed));
        }
    }
}
