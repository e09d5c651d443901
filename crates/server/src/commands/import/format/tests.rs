use super::*;
use crate::commands::import::records::Records;

/// What became of each row of an export: `SKU | NAME | PRICE | DESCRIPTION | STOCK`, or why it is no product.
fn read(from: Source, file: &str) -> Vec<String> {
    let layout = Layout { from: Some(from), decimal: false, currency: Currency::default() };
    let mut records = Records::new(file.as_bytes()).unwrap();
    records.choose_delimiter(|header| layout.score(header)).unwrap();
    let mut record = ByteRecord::new();
    records.next(&mut record).unwrap().unwrap().unwrap();
    let (columns, mut format) = layout.open(&record).unwrap();
    let mut rows = Vec::new();
    while let Some(read) = records.next(&mut record).unwrap() {
        read.unwrap();
        rows.push(match columns.cells(&record).and_then(|cells| format.row(cells)) {
            Ok(Row::Product(row)) => {
                let price = row.price.in_currency_of(None).unwrap().amount();
                let description = row.description.as_ref().map_or("-", Description::as_str);
                let stock = row.stock.map_or("-".to_owned(), |stock| stock.get().to_string());
                format!("{} | {} | {price} | {description} | {stock}", row.sku, row.name)
            }
            Ok(Row::PartOfAnother) => "part of another".to_owned(),
            Ok(Row::LeftOut(why)) => format!("left out: {why}"),
            Err(mistakes) => format!("refused: {}", mistakes.join("; ")),
        });
    }
    rows
}

#[test]
fn shopify_variants_are_products_and_pictures_belong_to_the_row_above() {
    let file = "\
Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Option3 Name,Option3 Value,Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Price,Variant Compare At Price,Image Src,Status
mug,Tin mug,\"<p>Holds <b>tea</b>.</p>\n<p>Blue &amp; tin.</p>\",Acme,,,TRUE,Title,Default Title,,,,,MUG-1,shopify,7,2.95,,https://example.com/1.jpg,active
mug,,,,,,,,,,,,,,,,,,https://example.com/2.jpg,
shirt,Linen shirt,,Acme,,,TRUE,Size,S,Colour,Off white,,,'0042,shopify,-2,19.9,24.99,,active
shirt,,,,,,,,M,,Blue,,,,shopify,,20,,,
old,Old hat,,Acme,,,TRUE,Title,Default Title,,,,,HAT,,1,5,,,draft
old,,,,,,,,,,,,,HAT-2,,1,5,,,
free,Free,,,,,,Title,Default Title,,,,,FREE,,1,,,,active
lost,,,,,,,,S,,,,,LOST,,1,5,,,
";
    assert_eq!(
        read(Source::Shopify, file),
        [
            "MUG-1 | Tin mug | 295 | Holds tea.\n\nBlue & tin. | 7",
            "part of another",
            "0042 | Linen shirt - S / Off white | 1990 | - | 0",
            "shirt-m-blue | Linen shirt - M / Blue | 2000 | - | -",
            "left out: draft",
            "left out: draft",
            "refused: Variant Price must be an amount like 2.95",
            "refused: Title must not be empty",
        ]
    );
}

#[test]
fn shopify_files_may_have_the_newer_columns() {
    let file = "\
Title,URL handle,Description,Vendor,Status,SKU,Barcode,Option1 name,Option1 value,Option2 name,Option2 value,Price,Compare-at price,Inventory tracker,Inventory quantity,Product image URL
Tin mug,tin-mug,<p>Holds tea.</p>,Acme,Active,,,Title,Default Title,,,2.95,,shopify,7,
,tin-mug,,,,,,,,,,,,,,https://example.com/2.jpg
Linen shirt,shirt,,Acme,Active,SHIRT-S,,Size,S,,,19.90,,,,
,shirt,,,,SHIRT-M,,,M,,,19.90,,,3,
Old hat,hat,,Acme,Archived,HAT,,,,,,5,,,1,
";
    assert_eq!(
        read(Source::Shopify, file),
        [
            "tin-mug | Tin mug | 295 | Holds tea. | 7",
            "part of another",
            "SHIRT-S | Linen shirt - S | 1990 | - | -",
            "SHIRT-M | Linen shirt - M | 1990 | - | 3",
            "left out: archived",
        ]
    );
}

#[test]
fn woocommerce_variations_are_products() {
    let file = "\
ID,Type,SKU,Name,Published,\"Is featured?\",\"Short description\",Description,\"In stock?\",Stock,\"Sale price\",\"Regular price\",Categories,Parent,\"Grouped products\",\"Attribute 1 name\",\"Attribute 1 value(s)\",\"Attribute 2 name\",\"Attribute 2 value(s)\",\"Attribute 3 name\",\"Attribute 3 value(s)\"
1,simple,MUG,Tin mug,1,0,Short.,\"<p>Holds tea.</p>\\n<p>Blue.</p>\",1,7,2.5,2.95,Mugs,,,,,,,,
2,variable,SHIRT,Shirt,1,0,,Linen &amp; light.,1,,,,,,,,,,,,
3,variation,SHIRT-S,Shirt - S,1,0,,,1,parent,,\"19,90\",,SHIRT,,Size,S,,,,
4,variation,SHIRT-M,Shirt,1,0,,Own text.,0,,,20,,SHIRT,,Size,M,Colour,Blue,,
5,variable,,Hat,0,0,,,1,,,,,,,,,,,,
6,variation,HAT-1,Hat - Red,1,0,,,1,1,,5,,id:5,,,,,,,
7,simple,,'-5 degrees,1,0,,\"One.\\nTwo.\",1,'-3,,5.000,,,,,,,,,
8,\"simple, virtual\",ALBUM,Album,1,0,,,1,,,15,,,,,,,,,
9,grouped,SET,Set,1,0,,,1,,,,,,\"MUG, SHIRT\",,,,,,
10,external,LINK,Link,1,0,,,1,,,11.05,,,,,,,,,
11,simple,SOON,Soon,-1,0,,,1,1,,5,,,,,,,,,
12,simple,FREE,Free,1,0,,,1,1,,,,,,,,,,,
";
    assert_eq!(
        read(Source::WooCommerce, file),
        [
            "MUG | Tin mug | 295 | Holds tea.\n\nBlue. | 7",
            "left out: variable (its variations are products)",
            "SHIRT-S | Shirt - S | 1990 | Linen & light. | -",
            "SHIRT-M | Shirt - M, Blue | 2000 | Own text. | 0",
            "left out: variable (its variations are products)",
            "left out: not published",
            "id:7 | -5 degrees | 500 | One.\nTwo. | 0",
            "ALBUM | Album | 1500 | - | -",
            "left out: grouped",
            "left out: external",
            "left out: not published",
            "refused: Regular price must be an amount like 2.95",
        ]
    );
}

#[test]
fn magento_simple_products_are_products_and_translations_are_not() {
    let file = "\
sku,store_view_code,attribute_set_code,product_type,categories,product_websites,name,description,short_description,product_online,price,special_price,qty,is_in_stock,configurable_variations
MUG,,Default,simple,Mugs,base,Tin mug,<p>Holds tea.</p><ul><li>Blue<li>Tin</ul>,,1,14.000000,12,100.0000,1,
MUG,de,Default,simple,,,Blechtasse,,,,,,,,
SHIRT-S,,Default,simple,,base,Shirt-S,,Linen.,1,19.9,,0.0000,0,
SHIRT,,Default,configurable,,base,Shirt,,,1,,,0,1,\"sku=SHIRT-S,size=S\"
SET,,Default,grouped,,base,Set,,,1,,,0,1,
KIT,,Default,bundle,,base,Kit,,,1,14,,0,1,
OLD,,Default,virtual,,base,Old,,,2,5,,1,1,
,,,,,,,,,,,,,,\"sku=X\"
ROPE,,Default,simple,,base,Rope,,,1,2,,1.5,1,
";
    assert_eq!(
        read(Source::Magento, file),
        [
            "MUG | Tin mug | 1400 | Holds tea.\n\nBlue\nTin | 100",
            "part of another",
            "SHIRT-S | Shirt-S | 1990 | Linen. | 0",
            "left out: configurable (its variants are products)",
            "left out: grouped",
            "left out: bundle",
            "left out: disabled",
            "part of another",
            "refused: qty must be a whole number",
        ]
    );
}

#[test]
fn export_without_its_option_names_the_option() {
    let open = |from, header: &[&str]| {
        let layout = Layout { from, decimal: false, currency: Currency::default() };
        layout.open(&ByteRecord::from(header.to_vec())).map(|_| ()).unwrap_err()
    };
    let shopify = ["Handle", "Title", "Variant SKU", "Variant Price"];
    assert!(open(None, &shopify).contains("use --from shopify"));
    assert!(open(None, &["ID", "Type", "SKU", "Name", "Regular price"]).contains("use --from woocommerce"));
    assert!(open(None, &["sku", "store_view_code", "name", "price"]).contains("use --from magento"));
    assert!(open(Some(Source::Magento), &shopify).starts_with("this is no product export of Magento: "));
    assert!(open(Some(Source::WooCommerce), &["ID", "Tipo", "REF", "Nome"]).ends_with("export it again in English"));
}
