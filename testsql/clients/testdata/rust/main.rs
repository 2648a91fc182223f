//! Drives a node with tokio-postgres, over TLS of rustls.

use std::{env, error::Error, fs, sync::Arc, time::Duration};

use chrono::{NaiveDate, NaiveTime, TimeZone, Utc};
use futures_util::{pin_mut, SinkExt, StreamExt, TryStreamExt};
use rust_decimal::Decimal;
use serde_json::{json, Value};
use tokio_postgres::{config::ChannelBinding, types::ToSql, Client, Config};
use rustls::pki_types::pem::PemObject;
use tokio_postgres_rustls::MakeRustlsConnect;
use uuid::Uuid;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let tls = tls()?;
    let mut client = connect(tls.clone()).await?;
    let me: String = client.query_one("SELECT current_user::text", &[]).await?.get(0);
    assert_eq!(me, env::var("PGUSER")?);
    println!("ok connect");
    types(&client).await?;
    println!("ok types");
    prepared(&client).await?;
    println!("ok prepared");
    transaction(&mut client).await?;
    println!("ok transaction");
    cancel(&client, tls.clone()).await?;
    println!("ok cancel");
    client.batch_execute("CREATE STREAM ticks (n int); INSERT INTO ticks VALUES (0)").await?;
    follow(&client, tls.clone()).await?;
    client.query_one("SELECT 1", &[]).await?;
    println!("ok push");
    copied_push(&client, tls).await?;
    println!("ok copied_push");
    copy(&client).await?;
    println!("ok copy");
    cursors(&mut client).await?;
    println!("ok cursors");
    pipeline(&client).await?;
    println!("ok pipeline");
    Ok(())
}

fn tls() -> Result<MakeRustlsConnect> {
    let mut roots = rustls::RootCertStore::empty();
    let pem = fs::read(env::var("PGSSLROOTCERT")?)?;
    for certificate in rustls::pki_types::CertificateDer::pem_slice_iter(&pem) {
        roots.add(certificate?)?;
    }
    Ok(MakeRustlsConnect::new(rustls::ClientConfig::builder().with_root_certificates(Arc::new(roots)).with_no_client_auth()))
}

async fn connect(tls: MakeRustlsConnect) -> Result<Client> {
    let mut config = Config::new();
    config
        .host(env::var("PGHOST")?)
        .port(env::var("PGPORT")?.parse()?)
        .user(env::var("PGUSER")?)
        .password(env::var("PGPASSWORD")?)
        .dbname(env::var("PGDATABASE")?)
        .ssl_mode(tokio_postgres::config::SslMode::Require)
        .channel_binding(ChannelBinding::Require);
    let (client, connection) = config.connect(tls).await?;
    tokio::spawn(connection);
    Ok(client)
}

const INSERT: &str = "INSERT INTO everything VALUES \
    ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17::text::interval,$18,$19,$20,$21,$22)";
const READ: &str = "SELECT id,b,i2,i4,i8,f4,f8,n,t,vc,ch,\"by\",d,ti,ts,tz,iv::text,u,j,jb,ia,ta FROM everything ORDER BY id";

macro_rules! parameters {
    ($($value:expr),* $(,)?) => { vec![$(Box::new($value) as Box<dyn ToSql + Sync>),*] };
}

async fn types(client: &Client) -> Result<()> {
    client.batch_execute(&fs::read_to_string("../everything.sql")?).await?;
    let first = NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
    let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
    let at = NaiveDate::from_ymd_opt(2001, 1, 1).unwrap().and_hms_milli_opt(12, 34, 56, 789).unwrap();
    let zoned = Utc.with_ymd_and_hms(2024, 6, 30, 23, 59, 59).unwrap() + Duration::from_micros(999_999);
    let amount: Decimal = "1234567890123456.7890".parse()?;
    let id = Uuid::parse_str("00112233-4455-6677-8899-aabbccddeeff")?;
    let text = "grün ☃ 'quoted' \\ back";
    let numbers = vec![Some(1), None, Some(-3)];
    let words = vec![Some("a"), Some("b c"), None, Some("")];
    let rows = [
        parameters![
            1, true, i16::MIN, i32::MAX, i64::MIN, 1.5f32, 0.1f64, amount, text, "varying", "fixed ", vec![0u8, 255, 16],
            first, NaiveTime::from_hms_micro_opt(23, 59, 59, 123_456).unwrap(), at, zoned, "2 days 03:04:05.5", id,
            json!({"a": [1, null, "x"]}), json!({"b": {"c": true}}), numbers.clone(), words.clone(),
        ],
        parameters![
            2, None::<bool>, None::<i16>, None::<i32>, None::<i64>, None::<f32>, None::<f64>, None::<Decimal>, None::<String>,
            None::<String>, None::<String>, None::<Vec<u8>>, None::<NaiveDate>, None::<NaiveTime>, None::<chrono::NaiveDateTime>,
            None::<chrono::DateTime<Utc>>, None::<String>, None::<Uuid>, None::<Value>, None::<Value>, None::<Vec<i32>>,
            None::<Vec<String>>,
        ],
        parameters![
            3, false, 0i16, 0i32, 0i64, f32::NAN, f64::NEG_INFINITY, "0.0000".parse::<Decimal>()?, "", "", "      ", Vec::<u8>::new(),
            epoch, NaiveTime::MIN, epoch.and_time(NaiveTime::MIN), Utc.timestamp_opt(0, 0).unwrap(), "0", Uuid::nil(),
            json!([]), json!("text"), Vec::<i32>::new(), Vec::<String>::new(),
        ],
    ];
    for row in &rows {
        let row: Vec<&(dyn ToSql + Sync)> = row.iter().map(|value| value.as_ref()).collect();
        assert_eq!(client.execute(INSERT, &row).await?, 1);
    }
    let got = client.query(READ, &[]).await?;
    assert_eq!(got.len(), 3);
    let row = &got[0];
    assert_eq!((row.get::<_, bool>(1), row.get::<_, i16>(2), row.get::<_, i32>(3), row.get::<_, i64>(4)), (true, i16::MIN, i32::MAX, i64::MIN));
    assert_eq!((row.get::<_, f32>(5), row.get::<_, f64>(6), row.get::<_, Decimal>(7)), (1.5, 0.1, amount));
    assert_eq!((row.get::<_, &str>(8), row.get::<_, &str>(9), row.get::<_, &str>(10)), (text, "varying", "fixed "));
    assert_eq!((row.get::<_, &[u8]>(11), row.get::<_, NaiveDate>(12)), (&[0u8, 255, 16][..], first));
    assert_eq!(row.get::<_, NaiveTime>(13), NaiveTime::from_hms_micro_opt(23, 59, 59, 123_456).unwrap());
    assert_eq!((row.get::<_, chrono::NaiveDateTime>(14), row.get::<_, chrono::DateTime<Utc>>(15)), (at, zoned));
    assert_eq!((row.get::<_, &str>(16), row.get::<_, Uuid>(17)), ("2 days 03:04:05.5", id));
    assert_eq!((row.get::<_, Value>(18), row.get::<_, Value>(19)), (json!({"a": [1, null, "x"]}), json!({"b": {"c": true}})));
    assert_eq!((row.get::<_, Vec<Option<i32>>>(20), row.get::<_, Vec<Option<&str>>>(21)), (numbers, words));
    assert_eq!(got[1].get::<_, Option<Value>>(18), None);
    assert!(got[2].get::<_, f32>(5).is_nan());
    assert_eq!((got[2].get::<_, Value>(19), got[2].get::<_, Vec<i32>>(20).len()), (json!("text"), 0));
    Ok(())
}

async fn prepared(client: &Client) -> Result<()> {
    client.batch_execute("CREATE TABLE numbers (n int PRIMARY KEY)").await?;
    let put = client.prepare("INSERT INTO numbers VALUES ($1)").await?;
    for n in 0..1000 {
        client.execute(&put, &[&n]).await?;
    }
    Ok(())
}

fn expect_code<T>(result: std::result::Result<T, tokio_postgres::Error>, code: &str) {
    let Err(error) = result else { panic!("no {code}") };
    assert_eq!(error.code().map(|c| c.code()), Some(code), "{error:?}");
}

async fn transaction(client: &mut Client) -> Result<()> {
    let block = client.transaction().await?;
    block.execute("INSERT INTO numbers VALUES (2000)", &[]).await?;
    expect_code(block.execute("INSERT INTO numbers VALUES (1)", &[]).await, "23505");
    expect_code(block.query("SELECT 1", &[]).await, "25P02");
    block.rollback().await?;
    let mut block = client.transaction().await?;
    block.execute("INSERT INTO numbers VALUES (1000)", &[]).await?;
    let savepoint = block.transaction().await?;
    expect_code(savepoint.execute("INSERT INTO numbers VALUES (1)", &[]).await, "23505");
    savepoint.rollback().await?;
    block.commit().await?;
    Ok(())
}

async fn cancel(client: &Client, tls: MakeRustlsConnect) -> Result<()> {
    let token = client.cancel_token();
    let sleep = client.query("SELECT pg_sleep(60)", &[]);
    pin_mut!(sleep);
    loop {
        tokio::select! {
            result = &mut sleep => {
                expect_code(result, "57014");
                break;
            }
            // A request that comes before the statement has begun does nothing.
            _ = tokio::time::sleep(Duration::from_millis(50)) => token.cancel_query(tls.clone()).await?,
        }
    }
    client.query_one("SELECT 1", &[]).await?;
    Ok(())
}

// example: begin

/// Prints the rows of a stream as they come, and cancels the query to end it.
async fn follow(client: &Client, tls: MakeRustlsConnect) -> Result<()> {
    let none: [&str; 0] = [];
    let rows = client.query_raw("SELECT n FROM ticks EMIT CHANGES WITH (snapshot = true)", none).await?;
    pin_mut!(rows);
    loop {
        match rows.try_next().await {
            Ok(Some(row)) => {
                let n: i32 = row.get(0);
                println!("row ticks {n}");
                if n == 20 {
                    client.cancel_token().cancel_query(tls.clone()).await?;
                }
            }
            Ok(None) => return Ok(()),
            Err(error) if error.code() == Some(&tokio_postgres::error::SqlState::QUERY_CANCELED) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

// example: end

async fn copied_push(client: &Client, tls: MakeRustlsConnect) -> Result<()> {
    client.batch_execute("CREATE STREAM ticks2 (n int); INSERT INTO ticks2 VALUES (0)").await?;
    let lines = client.copy_out("COPY (SELECT n FROM ticks2 EMIT CHANGES WITH (snapshot = true)) TO STDOUT").await?;
    pin_mut!(lines);
    for n in 0..=20 {
        let line = lines.next().await.ok_or("the end of COPY")??;
        assert_eq!(line, format!("{n}\n"));
        println!("row ticks2 {n}");
    }
    client.cancel_token().cancel_query(tls).await?;
    expect_code(lines.next().await.ok_or("the end of COPY")?, "57014");
    client.query_one("SELECT 1", &[]).await?;
    Ok(())
}

async fn copy(client: &Client) -> Result<()> {
    client.batch_execute("CREATE TABLE copied (k int PRIMARY KEY, v text)").await?;
    let sink = client.copy_in::<_, &[u8]>("COPY copied FROM STDIN (FORMAT csv)").await?;
    pin_mut!(sink);
    sink.send(&b"1,one\n2,t"[..]).await?;
    sink.send(&b"wo\n3,\n"[..]).await?;
    assert_eq!(sink.finish().await?, 3);
    let out = client.copy_out("COPY (SELECT * FROM copied ORDER BY k) TO STDOUT (FORMAT csv, HEADER)").await?;
    let text: Vec<_> = out.map_ok(|part| part.to_vec()).try_concat().await?;
    assert_eq!(text, b"k,v\n1,one\n2,two\n3,\n");
    Ok(())
}

async fn cursors(client: &mut Client) -> Result<()> {
    let block = client.transaction().await?;
    let portal = block.bind("SELECT i FROM generate_series(1, $1::int) AS i", &[&10]).await?;
    for want in [4, 4, 2] {
        assert_eq!(block.query_portal(&portal, 4).await?.len(), want);
    }
    block.commit().await?;
    Ok(())
}

/// Sends several queries before it reads an answer.
async fn pipeline(client: &Client) -> Result<()> {
    let put = client.prepare("SELECT $1::int + 1").await?;
    let queries = (0..100).map(|n| {
        let put = &put;
        async move { client.query_one(put, &[&n]).await.map(|row| row.get::<_, i32>(0)) }
    });
    let sums = futures_util::future::try_join_all(queries).await?;
    assert_eq!(sums, (1..=100).collect::<Vec<_>>());
    let bad = client.query("SELECT 1 / $1::int", &[&0]);
    let good = client.query_one("SELECT 1", &[]);
    let (bad, good) = futures_util::future::join(bad, good).await;
    expect_code(bad, "22012");
    assert_eq!(good?.get::<_, i32>(0), 1);
    Ok(())
}
