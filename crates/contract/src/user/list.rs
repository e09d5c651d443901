//! Lists of users.

use entrepot_domain::{
    Sort,
    auth::PasswordHash,
    user::{NewUser, PersonName, Role, Roles, User, UserFilter, UserQuery},
};
use entrepot_testkit::{at, cause, email, new_user, user, user_id};

use super::{insert, names, rename};
use crate::{
    Stores,
    walk::{assert_walks_agree, page, single_sorts},
};

/// Without those that were erased or never there.
pub async fn several_users_are_found_at_once(h: &impl Stores) {
    let users = h.users();
    let (ada, bob, cleo) = (insert(&*users, "ada").await, insert(&*users, "bob").await, insert(&*users, "cleo").await);
    users.erase(cleo.id, None, &cause(at(1))).await.unwrap();
    let mut found = users.find_many(&[bob.id, cleo.id, user_id(404), ada.id, bob.id]).await.unwrap();
    found.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
    assert_eq!(found, [ada, bob]);
    assert_eq!(users.find_many(&[]).await.unwrap(), []);
}

/// Matches name and email; `%`, `_` and `\` have no special meaning.
pub async fn search_ignores_case_and_wildcards(h: &impl Stores) {
    let users = h.users();
    for (n, name, address) in [
        (1, "Ærø 100%", "a@example.com"),
        (2, "Under_score", "b@example.com"),
        (3, "Back\\slash", "c@example.com"),
        (4, "Plain", "Percent.1000@example.org"),
    ] {
        let user = User { name: PersonName::parse(name).unwrap(), email: email(address), ..user(n) };
        users
            .insert(&NewUser { user, password: PasswordHash("hash".to_owned()), verification: None }, &cause(at(0)))
            .await
            .unwrap();
    }
    for (words, expected) in [
        ("ÆRØ", &["Ærø 100%"][..]),
        ("100%", &["Ærø 100%"]),
        ("%", &["Ærø 100%"]),
        ("_", &["Under_score"]),
        ("\\", &["Back\\slash"]),
        ("EXAMPLE.ORG", &["Plain"]),
        ("lain", &["Plain"]),
        ("org plain ", &["Plain"]),
        ("org score", &[]),
        ("p%n", &[]),
        ("\0", &[]),
        ("plain\0", &[]),
        ("nobody", &[]),
    ] {
        let filter = UserFilter { search: Some(words.to_owned()), ..UserFilter::default() };
        assert_eq!(names(&*users, filter).await, expected, "{words}");
    }
    // An old name is not found any more.
    users.update(user_id(4), &rename("Renamed"), None, &cause(at(1))).await.unwrap();
    let search = |words: &str| UserFilter { search: Some(words.to_owned()), ..UserFilter::default() };
    assert_eq!(names(&*users, search("plain")).await, Vec::<String>::new());
    assert_eq!(names(&*users, search("renamed")).await, ["Renamed"]);
}

/// Also for users with several roles.
pub async fn users_are_filtered_by_role(h: &impl Stores) {
    use Role::{Admin, Customer, Staff};
    let users = h.users();
    for (name, roles) in [("a", &[Customer][..]), ("b", &[Customer, Staff]), ("c", &[Admin]), ("d", &[Staff, Admin])] {
        let mut new = new_user(name);
        new.user.roles = Roles::new(roles.iter().copied()).unwrap();
        users.insert(&new, &cause(at(0))).await.unwrap();
    }
    for (role, expected) in [(Customer, ["a", "b"]), (Staff, ["b", "d"]), (Admin, ["c", "d"])] {
        let filter = UserFilter { role: Some(role), ..UserFilter::default() };
        assert_eq!(names(&*users, filter).await, expected, "{role}");
    }
    let both = UserFilter { role: Some(Admin), search: Some("D@".to_owned()) };
    assert_eq!(names(&*users, both).await, ["d"]);
}

/// The count of the filtered users; a page after the last one is empty.
pub async fn page_has_the_total_count(h: &impl Stores) {
    let users = h.users();
    for name in ["a1", "a2", "a3", "b1"] {
        insert(&*users, name).await;
    }
    let filter = UserFilter { search: Some("a1@".to_owned()), ..UserFilter::default() };
    let list = async |filter: &UserFilter, window| {
        let query = UserQuery { filter: filter.clone(), sort: Sort::parse("-name").unwrap(), window };
        users.list(&query).await
    };
    let one = list(&filter, page(1, 2)).await.unwrap();
    assert_eq!((one.items.len(), one.total, one.more), (1, Some(1), false));
    let all = UserFilter::default();
    for (number, expected, more) in [(1, &["b1", "a3", "a2"][..], true), (2, &["a1"], false), (3, &[], false)] {
        let part = list(&all, page(number, 3)).await.unwrap();
        let shown: Vec<_> = part.items.iter().map(|user| user.name.as_str()).collect();
        assert_eq!((shown, part.total, part.more), (expected.to_vec(), Some(4), more), "page {number}");
    }
    // A page beyond the maximum is empty, not an error.
    let deepest = list(&all, page(u64::from(u32::MAX), 100)).await.unwrap();
    assert_eq!((deepest.items.len(), deepest.total, deepest.more), (0, Some(4), false));
}

/// With every sort order, in both directions, with equal names and times, and with names that differ in case.
pub async fn keyset_and_page_listings_of_users_agree(h: &impl Stores) {
    let users = h.users();
    for n in 1..=11 {
        let name = ["Zoë", "ada", "Ada", "Ærø"][usize::try_from(n % 4).unwrap()];
        let address = format!("{}{n}@example.com", ["b", "A", "c"][usize::try_from(n % 3).unwrap()]);
        let user = User {
            name: PersonName::parse(name).unwrap(),
            email: email(&address),
            created_at: at(i64::try_from(n).unwrap() / 5),
            ..user(n * 7 % 11 + 1)
        };
        users
            .insert(&NewUser { user, password: PasswordHash("hash".to_owned()), verification: None }, &cause(at(0)))
            .await
            .unwrap();
    }
    let mut sorts = single_sorts();
    sorts.extend(["name,-createdAt", "-name,createdAt,email"].map(|text| Sort::parse(text).unwrap()));
    for sort in &sorts {
        assert_walks_agree(sort, 11, async |window| {
            let query = UserQuery { filter: UserFilter::default(), sort: sort.clone(), window };
            users.list(&query).await.unwrap()
        })
        .await;
    }
}
