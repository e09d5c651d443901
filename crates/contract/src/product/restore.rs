//! Restored products.

use entrepot_domain::{
    Version,
    audit::AuditAction,
    product::{Product, ProductError, ProductFilter, Upserted},
};
use entrepot_testkit::{at, cause, product, product_id, product_import};

use super::{find, insert, listed};
use crate::{Stores, audit::about};

/// It is unchanged but for its version, which archiving and restoring increment. A product that is for sale is left
/// unchanged.
pub async fn restored_product_is_found_again(h: &impl Stores) {
    let products = h.products();
    let mug = insert(&*products, product(1).stock(7).build()).await;
    products.archive(mug.id, None, &cause(at(1))).await.unwrap();
    let stale = products.restore(mug.id, Some(Version(1)), &cause(at(2))).await;
    assert!(matches!(stale, Err(ProductError::VersionConflict)), "{stale:?}");
    assert_eq!(products.find(mug.id).await.unwrap(), None);

    let restored = products.restore(mug.id, Some(Version(2)), &cause(at(2))).await.unwrap();
    assert_eq!(restored, Product { version: Version(3), updated_at: at(2), ..mug.clone() });
    assert_eq!(find(&*products, mug.id).await, restored);
    assert_eq!(listed(&*products, ProductFilter::default(), "name").await, [mug.name.as_str()]);

    assert_eq!(products.restore(mug.id, None, &cause(at(3))).await.unwrap(), restored);
    assert_eq!(find(&*products, mug.id).await, restored);
    let actions: Vec<_> = about(h, mug.id.0).await.into_iter().map(|entry| entry.action).collect();
    assert_eq!(actions, [AuditAction::ProductCreated, AuditAction::ProductArchived, AuditAction::ProductRestored]);

    let nothing = products.restore(product_id(404), None, &cause(at(3))).await;
    assert!(matches!(nothing, Err(ProductError::NotFound)), "{nothing:?}");
}

/// It can be restored once the other one is archived.
pub async fn product_with_a_taken_sku_is_not_restored(h: &impl Stores) {
    let products = h.products();
    let old = insert(&*products, product(1).sku("MUG").build()).await;
    products.archive(old.id, None, &cause(at(1))).await.unwrap();
    let new = insert(&*products, product(2).sku("MUG").build()).await;
    let refused = products.restore(old.id, None, &cause(at(2))).await;
    assert!(matches!(refused, Err(ProductError::SkuTaken)), "{refused:?}");
    assert_eq!(products.find(old.id).await.unwrap(), None);
    assert_eq!(about(h, old.id.0).await.len(), 2);

    products.archive(new.id, None, &cause(at(3))).await.unwrap();
    assert_eq!(products.restore(old.id, None, &cause(at(4))).await.unwrap().version, Version(3));
}

/// A product of the sku that is for sale has precedence.
pub async fn import_restores_the_last_archived_product_of_a_sku(h: &impl Stores) {
    let products = h.products();
    for (n, seconds) in [(2, 1), (3, 3), (1, 2)] {
        let mug = insert(&*products, product(n).sku("MUG").build()).await;
        products.archive(mug.id, None, &cause(at(seconds))).await.unwrap();
    }
    let import = [product_import(&product(9).sku("MUG").build())];
    for seconds in [4, 5] {
        let done = products.upsert(&import, &cause(at(seconds))).await.unwrap();
        assert_eq!(done, Upserted { updated: vec![product_id(3)], ..Upserted::default() });
    }
    assert_eq!(products.find(product_id(1)).await.unwrap(), None);
}
