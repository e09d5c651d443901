use std::{cell::RefCell, sync::Arc};

use entrepot_application::product::ProductPorts;
use entrepot_domain::{
    Currency, MockClock, MockIdGenerator, Timestamp,
    product::{MockProductRepository, Upserted},
};
use proptest::prelude::*;

use super::*;

/// What an import came to: its outcome, the lines that were refused, and `SKU NAME PRICE` of each product.
struct Imported {
    outcome: Result<Outcome, Failure>,
    refused: Vec<String>,
    products: Vec<String>,
}

impl Imported {
    fn failure(self) -> String {
        match self.outcome {
            Err(Failure::Failed(why)) => why,
            other => panic!("{other:?}"),
        }
    }
}

fn own() -> Layout {
    Layout { from: None, decimal: false, currency: Currency::default() }
}

/// Imports a file into a store that takes everything as new.
fn import(layout: Layout, file: &[u8]) -> Imported {
    let kept = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = kept.clone();
    let mut store = MockProductRepository::new();
    store.expect_upsert().returning(move |imports, _| {
        let mut upserted = Upserted::default();
        for (index, import) in imports.iter().enumerate() {
            match import.onto(None, Timestamp::default()) {
                Ok(product) => {
                    let (sku, name, price) = (&product.sku, &product.name, product.price);
                    seen.lock().unwrap().push(format!("{sku} {name} {}{}", price.amount(), price.currency()));
                    upserted.created.push(product.id);
                }
                Err(why) => upserted.refused.push((index, why)),
            }
        }
        Ok(upserted)
    });
    let (mut clock, mut ids) = (MockClock::new(), MockIdGenerator::new());
    clock.expect_now().returning(Timestamp::default);
    ids.expect_next().returning(Default::default);
    let ports = ProductPorts { products: Arc::new(store), clock: Arc::new(clock), ids: Arc::new(ids) };
    let (service, refused) = (ProductService::new(ports), RefCell::new(Vec::new()));
    let refuse = |mistake| refused.borrow_mut().push(mistake);
    let import = Import { products: &service, refuse: &refuse, batch: Vec::new(), outcome: Outcome::default() };
    let outcome = import.run(file, layout);
    let products = kept.lock().unwrap().clone();
    Imported { outcome, refused: refused.into_inner(), products }
}

#[test]
fn bad_lines_are_told_by_number_and_good_ones_kept() {
    let Imported { outcome, refused, .. } = import(
        own(),
        b"sku,name,price,stock\r\nA,Mug,295,5\r\n,Cup,x,-1\r\nB,\"Two\nlines\",1,1\r\nC,Jug,100\r\nD,Pot,1.5,\r\nE,\xff,1,1\r\nF,Pan,7,\r\n",
    );
    let outcome = outcome.unwrap();
    assert_eq!((outcome.created, outcome.updated, outcome.refused), (2, 0, 5));
    assert_eq!(
        refused,
        [
            "line 3: sku must be 1 to 64 characters long; price must be a whole number of minor units; \
             stock must be between 0 and 9007199254740991",
            "line 4: name must not contain control characters",
            "line 6: has 3 fields, not 4",
            "line 7: price must be a whole number of minor units: write 150, or use --decimal",
            "line 8: name is not UTF-8",
        ]
    );
}

#[test]
fn open_quote_loses_no_other_line() {
    let Imported { outcome, refused, products } =
        import(own(), b"sku,name,price,description\nQ,Mug,295,\"oops\nR,Cup,100,fine\nS,\"Mug 5\" tall,1,\nT,Pot,1,\n");
    assert_eq!(outcome.unwrap().refused, 2);
    assert_eq!(
        refused,
        ["line 2: the quote that opens field 4 is not closed", "line 4: field 2 has text behind its closing quote"]
    );
    assert_eq!(products, ["R Cup 100GBP", "T Pot 1GBP"]);
}

#[test]
fn blank_lines_count_and_rows_of_separators_are_no_rows() {
    let Imported { outcome, refused, products } = import(own(), b"sku,name,price\n\n,x,1\n,,\n , , \nA,Mug,1\n");
    assert_eq!(outcome.unwrap().refused, 1);
    assert_eq!(refused, ["line 3: sku must be 1 to 64 characters long"]);
    assert_eq!(products, ["A Mug 1GBP"]);
}

#[test]
fn columns_may_come_in_any_order_after_a_byte_order_mark() {
    for file in ["\u{feff}Price, NAME ,sku,currency\n295,Mug,A,EUR\n", "Price; NAME ;sku;currency\n295;Mug;A;EUR\n"] {
        assert_eq!(import(own(), file.as_bytes()).products, ["A Mug 295EUR"], "{file}");
    }
    assert_eq!(import(own(), b"sku\tname\tprice\nA\tMug, blue\t1\n").products, ["A Mug, blue 1GBP"]);
    assert_eq!(import(own(), b"sku|name|price\nA|Mug; blue|1\n").products, ["A Mug; blue 1GBP"]);
}

#[test]
fn all_mistakes_of_a_header_come_at_once_and_escaped() {
    let why = import(own(), b"sku,Titel,Prise,\x1b[31mred,sku,stock\n").failure();
    for word in [
        "\"Titel\"",
        "\"Prise\" (did you mean price?)",
        "\\u{1b}[31mred",
        "sku comes twice",
        "name is missing",
        "price is missing",
    ] {
        assert!(why.contains(word), "{word}: {why}");
    }
    assert!(!why.contains('\u{1b}'));
}

#[test]
fn unusable_header_is_a_failure() {
    for header in ["", "\n\n", "sku,name\n", "sku,name,price,colour\n", "sku,sku,name,price\n", "sku,\"name,price\n"] {
        assert!(matches!(import(own(), header.as_bytes()).outcome, Err(Failure::Failed(_))), "{header}");
    }
}

#[test]
fn file_of_another_format_is_reported() {
    let why = import(own(), b"PK\x03\x04\0\0[Content_Types].xml").failure();
    assert!(why.contains("this is no CSV in UTF-8: it looks like an Excel workbook (.xlsx)"), "{why}");
    assert!(import(own(), b"\xff\xfes\0k\0u\0").failure().contains("UTF-16"));
}

#[test]
fn decimal_prices_follow_their_currency() {
    let decimal = Layout { decimal: true, ..own() };
    let file = b"sku,name,price,currency\nA,Mug,2.95,\nB,Cup,295,JPY\nC,Jug,2.95,KWD\nD,Pot,2.95,JPY\nE,Pan,2.955,\n";
    let Imported { refused, products, .. } = import(decimal, file);
    assert_eq!(products, ["A Mug 295GBP", "B Cup 295JPY", "C Jug 2950KWD"]);
    assert_eq!(
        refused,
        [
            "line 5: price must be a whole number, as JPY has no minor unit",
            "line 6: price must have at most 2 digits behind the point, as GBP has",
        ]
    );
}

#[test]
fn summary_counts_in_words() {
    let mut outcome = Outcome { created: 1, ..Outcome::default() };
    assert_eq!(outcome.summary(), ["1 product: 1 new, 0 updated, 0 lines refused"]);
    outcome.updated = 2;
    outcome.refused = 1;
    outcome.left_out.insert("grouped", 2);
    assert_eq!(outcome.summary(), ["3 products: 1 new, 2 updated, 1 line refused", "left out: 2 grouped"]);
}

#[test]
fn more_than_a_batch_is_kept_whole() {
    let rows: Vec<_> = (0..=BATCH_SIZE * 2).map(|n| format!("S{n},Mug,1")).collect();
    let imported = import(own(), format!("sku,name,price\n{}", rows.join("\n")).as_bytes());
    assert_eq!((imported.products.len(), imported.outcome.unwrap().created), (rows.len(), rows.len()));
}

proptest! {
    #[test]
    fn every_record_is_a_product_or_told(rows in "(([A-Z0-9]{0,3}|\"[^\"]{0,5}\"),([a-zé]{0,3}),(-?[0-9]{0,20})\n){0,6}") {
        let Imported { outcome, refused, products } = import(own(), format!("sku,name,price\n{rows}").as_bytes());
        let outcome = outcome.unwrap();
        prop_assert_eq!((outcome.created, outcome.refused), (products.len(), refused.len()));
        prop_assert!(outcome.created + outcome.refused <= rows.matches('\n').count());
    }

    #[test]
    fn any_bytes_end_in_products_or_messages_without_control_characters(file in prop::collection::vec(any::<u8>(), 0..300)) {
        let imported = import(own(), &[b"sku,name,price\n".as_slice(), &file].concat());
        prop_assert!(imported.refused.iter().all(|line| !line.contains(char::is_control)));
        let header = import(own(), &file);
        if let Err(Failure::Failed(why)) = header.outcome {
            prop_assert!(!why.contains(char::is_control), "{why:?}");
        }
    }
}
