//! What a buyer asks for.

use std::collections::HashMap;

use super::Fingerprint;
use crate::{ProductId, product::Quantity};

/// So many of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BasketLine {
    /// Which.
    pub product: ProductId,
    /// How many.
    pub quantity: Quantity,
}

/// 1 to 2,000 lines as they were asked for, those of one product added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basket {
    asked: Vec<BasketLine>,
    lines: Vec<BasketLine>,
}

/// Why a basket cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BasketError {
    /// No line, or more than [`Basket::MAX_LINES`].
    #[error("must have 1 to 2000 lines")]
    LineCount,
    /// The lines of one product add up to more than a [`Quantity`]; `line` is the one that went over, from 0 on.
    #[error("the lines of this product add up to too many")]
    TooMany { line: usize },
}

impl Basket {
    /// The most lines.
    pub const MAX_LINES: usize = 2_000;

    /// Adds the lines of one product up; a product keeps the place where it was named first.
    pub fn new(asked: Vec<BasketLine>) -> Result<Self, BasketError> {
        if asked.is_empty() || asked.len() > Self::MAX_LINES {
            return Err(BasketError::LineCount);
        }
        let mut lines: Vec<BasketLine> = Vec::with_capacity(asked.len());
        let mut place: HashMap<ProductId, usize> = HashMap::with_capacity(asked.len());
        for (line, wanted) in asked.iter().enumerate() {
            let at = *place.entry(wanted.product).or_insert(lines.len());
            match lines.get_mut(at) {
                Some(known) => {
                    known.quantity = known.quantity.plus(wanted.quantity).ok_or(BasketError::TooMany { line })?;
                }
                None => lines.push(*wanted),
            }
        }
        Ok(Self { asked, lines })
    }

    /// One line a product, in the order in which they were first named.
    pub fn lines(&self) -> &[BasketLine] {
        &self.lines
    }

    /// The places, from 0 on, of all lines as asked for that name a product: what an error points at.
    pub fn positions_of(&self, product: ProductId) -> impl Iterator<Item = usize> {
        self.asked.iter().enumerate().filter(move |(_, line)| line.product == product).map(|(place, _)| place)
    }

    /// Tells baskets apart as they were asked for: equal lines in equal order make an equal fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        let bytes = self.asked.iter().flat_map(|line| {
            let quantity = line.quantity.get().to_be_bytes();
            line.product.0.into_bytes().into_iter().chain(quantity)
        });
        Fingerprint::of(&bytes.collect::<Vec<u8>>())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn line(product: u128, quantity: i64) -> BasketLine {
        BasketLine { product: ProductId(Uuid::from_u128(product)), quantity: Quantity::new(quantity).unwrap() }
    }

    #[test]
    fn lines_of_one_product_are_merged_at_the_first() {
        let basket = Basket::new(vec![line(2, 1), line(1, 5), line(2, 3)]).unwrap();
        assert_eq!(basket.lines(), [line(2, 4), line(1, 5)]);
        assert_eq!(basket.positions_of(line(2, 1).product).collect::<Vec<_>>(), [0, 2]);
    }

    #[test]
    fn basket_has_1_to_2000_lines() {
        assert_eq!(Basket::new(vec![]), Err(BasketError::LineCount));
        assert!(Basket::new(vec![line(1, 1); 2_000]).is_ok());
        assert_eq!(Basket::new(vec![line(1, 1); 2_001]), Err(BasketError::LineCount));
    }

    #[test]
    fn too_large_sum_reports_its_line() {
        let most = i64::from(Quantity::MAX);
        let basket = Basket::new(vec![line(1, most), line(2, 1), line(1, 1)]);
        assert_eq!(basket, Err(BasketError::TooMany { line: 2 }));
    }

    #[test]
    fn different_requests_have_different_fingerprints() {
        let of = |lines: &[BasketLine]| Basket::new(lines.to_vec()).unwrap().fingerprint();
        assert_eq!(of(&[line(1, 1), line(2, 1)]), of(&[line(1, 1), line(2, 1)]));
        assert_ne!(of(&[line(1, 1), line(2, 1)]), of(&[line(2, 1), line(1, 1)]));
        assert_ne!(of(&[line(1, 1), line(1, 1)]), of(&[line(1, 2)]));
    }
}
