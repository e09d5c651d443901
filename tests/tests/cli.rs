//! The command line and the configuration.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    os::unix::fs::PermissionsExt,
    process::Output,
    time::{Duration, Instant},
};

use anyhow::Result;
use entrepot_tests::{PASSWORD, Server};
use serde_json::json;

fn code(out: &Output) -> i32 {
    out.status.code().unwrap_or(-1)
}

fn stderr(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

fn stdout(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[tokio::test]
async fn first_start_prints_the_next_steps() -> Result<()> {
    let mut server = Server::start(&[("LOG_FORMAT", "pretty")]).await?;
    // All is printed before it is stopped.
    assert!(server.stop()?.success());
    let log = server.log();
    for word in ["listening on http://127.0.0.1:", "/docs", "entrepot admin create"] {
        assert!(log.contains(word), "{word}: {log}");
    }
    let secrets = std::fs::read_dir(server.folder())?
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && path.to_string_lossy().contains("secret"))
        .collect::<Vec<_>>();
    assert!(!secrets.is_empty());
    for path in secrets {
        assert_eq!(path.metadata()?.permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
    Ok(())
}

#[tokio::test]
async fn admin_is_created_beside_a_running_server() -> Result<()> {
    let server = Server::start(&[]).await?;
    let arguments = ["admin", "create", "--email", "grace@example.com", "--name", "Grace"];
    let made = server.command(&arguments, &[("ADMIN_PASSWORD", PASSWORD)])?;
    assert_eq!(code(&made), 0, "{}", stderr(&made));
    assert!(!format!("{}{}", stdout(&made), stderr(&made)).contains(PASSWORD));
    let grace = server.anonymous().login("grace@example.com", PASSWORD).await?;
    let me = grace.get("/users/me").await?.expect(200);
    assert!(me.data()["roles"].as_array().unwrap().contains(&json!("admin")));

    let again = server.command(&arguments, &[("ADMIN_PASSWORD", PASSWORD)])?;
    assert_eq!((code(&again), stdout(&again)), (1, String::new()));
    assert!(stderr(&again).contains("email"));
    let weak = server.command(&["admin", "create", "--email", "x", "--name", ""], &[("ADMIN_PASSWORD", "short")])?;
    assert_eq!(code(&weak), 2, "{}", stderr(&weak));
    for word in ["email", "name", "password"] {
        assert!(stderr(&weak).contains(word), "{word}: {}", stderr(&weak));
    }
    let silent = server.command(&arguments, &[])?;
    assert_eq!(code(&silent), 2);
    assert!(stderr(&silent).contains("ADMIN_PASSWORD"));
    Ok(())
}

#[tokio::test]
async fn products_are_imported_by_sku_and_bad_lines_reported_by_number() -> Result<()> {
    let server = Server::start(&[]).await?;
    let admin = server.admin().await?;
    let mug = admin.product("MUG", 295, 5).await?;
    server.file(
        "catalogue.csv",
        "sku,name,price,stock,description,currency\r\nMUG,Tin mug,325,7,Holds tea.,GBP\r\nCUP,\"Cup, blue\",150,1,,EUR\r\n\
         ,No sku,1,1,,\r\nPOT,Pot,1.5,1,,\r\n",
    )?;
    let done = server.command(&["import", "products", "catalogue.csv"], &[])?;
    assert_eq!(code(&done), 1);
    let told = stderr(&done);
    assert!(told.contains("line 4") && told.contains("line 5") && !told.contains("line 2"), "{told}");
    assert!(!told.contains('\u{1b}'), "a progress bar that nobody sees");
    let listed = admin.get("/products?sort=sku").await?.expect(200);
    assert_eq!(listed.each("name"), ["Cup, blue", "Tin mug"]);
    assert_eq!(listed.list()[0]["price"], json!({"amount": 150, "currency": "EUR"}));
    assert_eq!((&listed.list()[1]["id"], &listed.list()[1]["stock"]), (&json!(mug), &json!(7)));
    assert_eq!(listed.list()[1]["description"], "Holds tea.");
    Ok(())
}

/// The server looks twice a second whether another process wrote.
#[tokio::test]
async fn import_beside_a_running_server_becomes_visible() -> Result<()> {
    let server = Server::start(&[]).await?;
    let admin = server.admin().await?;
    let mug = admin.product("MUG", 295, 5).await?;
    assert_eq!(admin.stock(&mug).await?, 5);
    let done = server.command_with(&["import", "products", "-"], &[], "sku,name,price,stock\nMUG,Mug,325,9\n")?;
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    let imported = Instant::now();
    while admin.stock(&mug).await? != 9 {
        assert!(imported.elapsed() < Duration::from_secs(5), "the old stock is still shown");
    }
    Ok(())
}

#[tokio::test]
async fn second_server_on_the_same_file_is_refused() -> Result<()> {
    let server = Server::start(&[]).await?;
    let second = server.command(&["serve"], &[])?;
    assert_eq!(code(&second), 1);
    assert!(stderr(&second).contains("another entrepot serves"), "{}", stderr(&second));
    // It is the server's lock that is refused, not the commands beside it, and it ends with the server.
    assert_eq!(code(&server.command(&["migrate", "--check"], &[])?), 0);
    let mut server = server;
    server.kill()?;
    server.restart()?;
    Ok(())
}

#[tokio::test]
async fn import_without_stock_leaves_it_unchanged() -> Result<()> {
    let server = Server::start(&[]).await?;
    let admin = server.admin().await?;
    let mug = admin.product("MUG", 295, 5).await?;
    let done = server.command_with(&["import", "products", "-"], &[], "name,price,sku\nMug,325,MUG\n")?;
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    server.command(&["migrate"], &[])?;
    assert_eq!(admin.stock(&mug).await?, 5);
    for (input, word) in [("sku,name\nA,B\n", "price"), ("", "empty")] {
        let failed = server.command_with(&["import", "products", "-"], &[], input)?;
        assert_eq!(code(&failed), 1);
        assert!(stderr(&failed).contains(word), "{}", stderr(&failed));
    }
    let missing = server.command(&["import", "products", "nowhere.csv"], &[])?;
    assert_eq!(code(&missing), 1);
    assert!(stderr(&missing).contains("nowhere.csv") && !stderr(&missing).contains("panicked"));
    Ok(())
}

#[tokio::test]
async fn import_keeps_the_lines_after_an_open_quote() -> Result<()> {
    let server = Server::start(&[]).await?;
    let admin = server.admin().await?;
    let csv = "sku,name,price,description\nQ,Mug,295,\"oops\nR,Cup,100,fine\n\nS,\"Mug 5\" tall,1,\nT,Pot,50,\"two\nlines\"\n";
    let done = server.command_with(&["import", "products", "-"], &[], csv)?;
    assert_eq!(code(&done), 1);
    let (told, said) = (stderr(&done), stdout(&done));
    assert!(told.contains("line 2:") && told.contains("line 5:") && !told.contains("line 3:"), "{told}");
    assert!(said.contains("2 products: 2 new, 0 updated, 2 lines refused"), "{said}");
    let listed = admin.get("/products?sort=sku").await?.expect(200);
    assert_eq!(listed.each("sku"), ["R", "T"]);
    assert_eq!(
        (&listed.list()[0]["description"], &listed.list()[1]["description"]),
        (&json!("fine"), &json!("two\nlines"))
    );
    Ok(())
}

#[tokio::test]
async fn import_without_a_currency_keeps_it_unchanged() -> Result<()> {
    let server = Server::start(&[]).await?;
    let admin = server.admin().await?;
    let import = |arguments: &[&str], csv: &str| {
        let arguments = [&["import", "products", "-"], arguments].concat();
        server.command_with(&arguments, &[("DEFAULT_CURRENCY", "EUR")], csv)
    };
    let first = import(&[], "sku,name,price,currency\nYEN,Fan,300,JPY\nDINAR,Lamp,2950,KWD\n")?;
    assert_eq!((code(&first), stdout(&first).contains("2 products: 2 new")), (0, true), "{}", stderr(&first));
    let again = import(&["--decimal"], "sku;name;price\nYEN;Fan;2.95\nDINAR;Lamp;3.5\nNEW;Mug;2.95\n")?;
    assert_eq!(code(&again), 1);
    assert!(stderr(&again).contains("line 2: price") && stderr(&again).contains("JPY"), "{}", stderr(&again));
    let minor = import(&[], "sku,name,price\nYEN,Fan,400\n")?;
    assert_eq!(code(&minor), 0, "{}", stderr(&minor));
    assert!(stdout(&minor).contains("1 product: 0 new, 1 updated, 0 lines refused"), "{}", stdout(&minor));
    let listed = admin.get("/products?sort=sku").await?.expect(200);
    let price = |amount: i64, currency: &str| json!({"amount": amount, "currency": currency});
    let prices: Vec<_> = listed.list().iter().map(|product| product["price"].clone()).collect();
    assert_eq!(prices, [price(3_500, "KWD"), price(295, "EUR"), price(400, "JPY")]);
    let refused = import(&[], "sku,name,price\nMUG,Mug,2.95\n")?;
    assert_eq!(code(&refused), 1);
    assert!(stderr(&refused).contains("line 2: price") && stderr(&refused).contains("write 295, or use --decimal"));
    Ok(())
}

#[tokio::test]
async fn file_that_is_no_catalogue_is_reported_with_control_characters_escaped() -> Result<()> {
    let server = Server::start(&[]).await?;
    for (input, words) in [
        ("PK\u{3}\u{4}\0\0xl/workbook.xml", &["this is no CSV in UTF-8: it looks like", ".xlsx"][..]),
        ("s\0k\0u\0", &["this is no CSV in UTF-8: it looks like", "UTF-16"]),
        ("\u{1b}[31mred,Nmae,price\n", &["\\u{1b}[31mred", "\"Nmae\" (did you mean name?)", "sku is missing"]),
        ("Handle,Title,Variant Price\n", &["use --from shopify"]),
    ] {
        let failed = server.command_with(&["import", "products", "-"], &[], input)?;
        let told = stderr(&failed);
        assert_eq!(code(&failed), 1, "{told}");
        assert!(words.iter().all(|word| told.contains(word)) && !told.contains('\u{1b}'), "{told}");
    }
    std::fs::create_dir(server.folder().join("catalogues"))?;
    let folder = server.command(&["import", "products", "catalogues"], &[])?;
    assert_eq!(code(&folder), 1);
    assert!(stderr(&folder).contains("catalogues is a folder"), "{}", stderr(&folder));
    assert_eq!(code(&server.command(&["import", "products", "-", "--from", "amazon"], &[])?), 2);
    Ok(())
}

#[tokio::test]
async fn export_of_another_shop_is_imported() -> Result<()> {
    let server = Server::start(&[]).await?;
    let admin = server.admin().await?;
    let csv = "\
Handle,Title,Body (HTML),Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty,Variant Price,Image Src,Status
mug,Tin mug,<p>Holds <b>tea</b>.</p>,Size,Small,MUG-S,7,2.95,https://example.com/1.jpg,active
mug,,,,Large,MUG-L,3,3.5,,
mug,,,,,,,,https://example.com/2.jpg,
hat,Hat,,Title,Default Title,HAT,1,5,,draft
";
    let done = server.command_with(&["import", "products", "-", "--from", "shopify"], &[], csv)?;
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    assert!(stdout(&done).contains("2 products: 2 new") && stdout(&done).contains("left out: 1 draft"));
    let listed = admin.get("/products?sort=sku").await?.expect(200);
    assert_eq!(listed.each("name"), ["Tin mug - Large", "Tin mug - Small"]);
    assert_eq!(listed.list()[1]["price"], json!({"amount": 295, "currency": "GBP"}));
    assert_eq!((&listed.list()[0]["stock"], &listed.list()[0]["description"]), (&json!(3), &json!("Holds tea.")));
    Ok(())
}

#[tokio::test]
async fn concurrent_migrations_succeed_and_are_checked() -> Result<()> {
    let server = Server::start(&[]).await?;
    assert_eq!(code(&server.command(&["migrate", "--check"], &[])?), 0);
    let fresh = server.folder().join("fresh");
    std::fs::create_dir(&fresh)?;
    let fresh = fresh.to_str().unwrap();
    let check = server.command(&["migrate", "--check"], &[("DATA_DIR", fresh)])?;
    assert_eq!((code(&check), stderr(&check).contains("entrepot migrate")), (1, true), "{}", stderr(&check));
    std::thread::scope(|scope| {
        let many: Vec<_> =
            (0..6).map(|_| scope.spawn(|| server.command(&["migrate"], &[("DATA_DIR", fresh)]).unwrap())).collect();
        for one in many {
            let out = one.join().unwrap();
            assert_eq!(code(&out), 0, "{}", stderr(&out));
        }
    });
    assert_eq!(code(&server.command(&["migrate", "--check"], &[("DATA_DIR", fresh)])?), 0);
    Ok(())
}

#[tokio::test]
async fn all_configuration_errors_are_reported_at_once() -> Result<()> {
    let server = Server::start(&[]).await?;
    let bad = [
        ("PORT", "70000"),
        ("BCRYPT_COST", "x"),
        ("RATE_LIMIT_MAX", "-1"),
        ("JWT_SECRET", "hush"),
        ("BODY_LIMIT", "big"),
        ("DATABASE_URL", "mysql://x"),
        ("LOG_FORMAT", "xml"),
        ("ACCESS_TOKEN_TTL", "soon"),
    ];
    let out = server.command(&["serve"], &bad)?;
    assert_eq!((code(&out), stdout(&out)), (2, String::new()));
    for (name, _) in bad {
        assert!(stderr(&out).contains(name), "{name}: {}", stderr(&out));
    }
    assert!(!stderr(&out).contains("hush"), "a secret was printed");
    Ok(())
}

#[tokio::test]
async fn production_does_not_start_without_secrets() -> Result<()> {
    let server = Server::start(&[]).await?;
    let production = [("APP_ENV", "production"), ("BCRYPT_COST", "10")];
    let out = server.command(&[], &production)?;
    assert_eq!(code(&out), 2);
    assert!(stderr(&out).contains("JWT_SECRET") && stderr(&out).contains("REFRESH_TOKEN_SECRET"), "{}", stderr(&out));
    let secret = "0123456789abcdef0123456789abcdef";
    let equal = [production[0], production[1], ("JWT_SECRET", secret), ("REFRESH_TOKEN_SECRET", secret)];
    assert_eq!(code(&server.command(&[], &equal)?), 2);
    Ok(())
}

#[tokio::test]
async fn env_file_is_read_after_the_environment() -> Result<()> {
    let server = Server::start(&[]).await?;
    server.file(".env", "ACCESS_TOKEN_TTL=soon\nLOG_FORMAT=xml\n")?;
    let refused = server.command(&["migrate"], &[("LOG_FORMAT", "json")])?;
    assert_eq!(code(&refused), 2);
    assert!(stderr(&refused).contains("ACCESS_TOKEN_TTL") && !stderr(&refused).contains("LOG_FORMAT"));
    Ok(())
}

#[tokio::test]
async fn errors_in_the_env_file_are_reported_with_all_others() -> Result<()> {
    let server = Server::start(&[]).await?;
    server.file(".env", "DATA_DIR=./a$b\nREDIS_ULR=redis://localhost\nPOSTGRES_PASSWORD='hush'\n")?;
    let out = server.command(&["doctor"], &[("REFRESH_TOKEN_TTL", "100000000d")])?;
    assert_eq!(code(&out), 2);
    let told = stdout(&out);
    for sentence in [
        ".env has a $ in line 1",
        "REDIS_ULR in .env is unknown; did you mean REDIS_URL?",
        "REFRESH_TOKEN_TTL must be from 1s to 365d",
    ] {
        assert!(told.contains(sentence), "{sentence}: {told}");
    }
    assert_eq!(told.lines().count(), 3, "{told}");
    server.file(".env", "CACHE_TTL='0$'\n")?;
    let refused = server.command(&["migrate"], &[])?;
    assert!(stderr(&refused).starts_with("CACHE_TTL must be a duration"), "{}", stderr(&refused));
    Ok(())
}

#[tokio::test]
async fn wrong_command_is_a_usage_error() -> Result<()> {
    let server = Server::start(&[]).await?;
    for arguments in [&["sevre"][..], &["import"], &["admin", "create"], &["serve", "--colour"]] {
        let out = server.command(arguments, &[])?;
        assert_eq!((code(&out), stdout(&out)), (2, String::new()), "{arguments:?}");
        assert!(!stderr(&out).is_empty());
    }
    for arguments in ["--help", "--version"] {
        assert_eq!(code(&server.command(&[arguments], &[])?), 0);
    }
    let help = stdout(&server.command(&["--help"], &[])?);
    assert!(help.starts_with("An order backend: users, login, catalogue and orders over REST"), "{help}");
    Ok(())
}

#[tokio::test]
async fn completions_are_printed_for_each_shell() -> Result<()> {
    let server = Server::start(&[]).await?;
    for (shell, word) in [
        ("bash", "complete -F _entrepot"),
        ("zsh", "#compdef entrepot"),
        ("fish", "complete -c entrepot"),
        ("powershell", "Register-ArgumentCompleter"),
        ("elvish", "edit:completion"),
    ] {
        // They need no configuration, so a bad one does not matter.
        let out = server.command(&["completions", shell], &[("PORT", "x")])?;
        assert_eq!((code(&out), stderr(&out)), (0, String::new()), "{shell}");
        assert!(stdout(&out).contains(word) && stdout(&out).contains("doctor"), "{shell}: {}", stdout(&out));
    }
    for arguments in [&["completions"][..], &["completions", "tcsh"]] {
        assert_eq!(code(&server.command(arguments, &[])?), 2, "{arguments:?}");
    }
    Ok(())
}

#[tokio::test]
async fn occupied_port_is_reported_in_one_sentence() -> Result<()> {
    let server = Server::start(&[]).await?;
    let port = server.address().port().to_string();
    let out = server.command(&["serve"], &[("DATA_DIR", "elsewhere"), ("PORT", &port)])?;
    assert_eq!(code(&out), 1);
    assert!(stderr(&out).contains("PORT"), "{}", stderr(&out));
    Ok(())
}
