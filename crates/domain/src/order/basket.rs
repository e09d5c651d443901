//! Baskets: the requested lines of an order.

use std::collections::HashMap;

use super::Fingerprint;
use crate::{ProductId, product::Quantity};

/// A product and its quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BasketLine {
    pub product: ProductId,
    pub quantity: Quantity,
}

/// 1 to 2,000 lines as requested, and the same lines with one line per product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basket {
    asked: Vec<BasketLine>,
    lines: Vec<BasketLine>,
}

/// Why a basket is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BasketError {
    /// No line, or more than [`Basket::MAX_LINES`].
    #[error("must have 1 to 2000 lines")]
    LineCount,
    /// The lines of one product add up to more than a [`Quantity`]; `line` is the index of the line that exceeded it.
    #[error("the lines of this product add up to too many")]
    TooMany { line: usize },
}

impl Basket {
    /// The maximum number of lines.
    pub const MAX_LINES: usize = 2_000;

    /// Merges the lines of each product, at the position of the first.
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

    /// One line per product, in the order in which they were first named.
    pub fn lines(&self) -> &[BasketLine] {
        &self.lines
    }

    /// The indexes of the requested lines that name a product, for error messages.
    pub fn positions_of(&self, product: ProductId) -> impl Iterator<Item = usize> {
        self.asked.iter().enumerate().filter(move |(_, line)| line.product == product).map(|(place, _)| place)
    }

    /// Identifies the basket as requested: equal lines in equal order have equal fingerprints.
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
