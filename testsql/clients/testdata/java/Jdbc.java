import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.PGStatement;
import org.postgresql.util.PGInterval;
import org.postgresql.util.PGobject;

/** Drives a node with PostgreSQL's JDBC driver. */
public final class Jdbc {
  private Jdbc() {}

  public static void main(String[] arguments) throws Exception {
    try (Connection c = Common.connect()) {
      try (Statement s = c.createStatement(); ResultSet r = s.executeQuery("SELECT current_user")) {
        r.next();
        Common.equal(r.getString(1), Common.user());
      }
      Common.ok("connect");
      types(c);
      prepared(c);
      transaction(c);
      cancel(c);
      push(c);
      copiedPush(c);
      fetchedPush(c);
      batches(c);
      copy(c);
      cursors(c);
      updatable(c);
      createdTypes(c);
      metadata(c);
      listen(c);
    }
  }

  private static final String READ = "SELECT * FROM everything ORDER BY id";

  private static PGobject json(String type, String text) throws SQLException {
    PGobject o = new PGobject();
    o.setType(type);
    o.setValue(text);
    return o;
  }

  private static Object[][] everything(Connection c) throws SQLException {
    return new Object[][] {
      {
        1, true, -32768, Integer.MAX_VALUE, Long.MIN_VALUE, 1.5f, 0.1, new BigDecimal("1234567890123456.7890"),
        "grün ☃ 'quoted' \\ back", "varying", "fixed ", new byte[] {0, -1, 16},
        LocalDate.of(2024, 2, 29), LocalTime.of(23, 59, 59, 123456000),
        LocalDateTime.of(2001, 1, 1, 12, 34, 56, 789000000), OffsetDateTime.of(2024, 6, 30, 23, 59, 59, 999999000, ZoneOffset.UTC),
        new PGInterval(0, 0, 2, 3, 4, 5.5), UUID.fromString("00112233-4455-6677-8899-aabbccddeeff"),
        json("json", "{\"a\": [1, null, \"x\"]}"), json("jsonb", "{\"b\": {\"c\": true}}"),
        c.createArrayOf("int4", new Integer[] {1, null, -3}), c.createArrayOf("text", new String[] {"a", "b c", null, ""}),
      },
      {2, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null},
      {
        3, false, 0, 0, 0L, Float.NaN, Double.NEGATIVE_INFINITY, new BigDecimal("0.0000"), "", "", "      ", new byte[0],
        LocalDate.EPOCH, LocalTime.MIDNIGHT, LocalDateTime.of(1970, 1, 1, 0, 0), OffsetDateTime.of(1970, 1, 1, 0, 0, 0, 0, ZoneOffset.UTC),
        new PGInterval(0, 0, 0, 0, 0, 0), new UUID(0, 0), json("json", "[]"), json("jsonb", "\"text\""),
        c.createArrayOf("int4", new Integer[0]), c.createArrayOf("text", new String[0]),
      },
    };
  }

  /** The types in which getObject gives the columns; null for the driver's choice. */
  private static final Class<?>[] CLASSES = {
    null, null, null, null, null, null, null, null, null, null, null, null,
    LocalDate.class, LocalTime.class, LocalDateTime.class, OffsetDateTime.class, null, null, null, null, null, null,
  };

  private static void types(Connection c) throws Exception {
    Common.execute(c, Common.definition());
    Object[][] rows = everything(c);
    try (PreparedStatement p = c.prepareStatement("INSERT INTO everything VALUES (?" + ", ?".repeat(CLASSES.length - 1) + ")")) {
      for (Object[] row : rows) {
        for (int i = 0; i < row.length; i++) {
          if (row[i] == null) {
            p.setNull(i + 1, Types.NULL);
          } else {
            p.setObject(i + 1, row[i]);
          }
        }
        Common.equal(p.executeUpdate(), 1);
      }
    }
    try (PreparedStatement p = c.prepareStatement(READ)) {
      // After five executions the driver prepares the statement on the server and asks for
      // binary results.
      for (int round = 0; round < 8; round++) {
        try (ResultSet r = p.executeQuery()) {
          for (Object[] row : rows) {
            r.next();
            for (int i = 0; i < row.length; i++) {
              Common.equal(plain(CLASSES[i] == null ? r.getObject(i + 1) : r.getObject(i + 1, CLASSES[i])), plain(row[i]));
            }
          }
          Common.equal(r.next(), false);
        }
      }
      Common.equal(p.unwrap(PGStatement.class).isUseServerPrepare(), true);
    }
    Common.ok("types");
  }

  private static Object plain(Object value) throws SQLException {
    if (value instanceof java.sql.Array array) {
      return array.getArray();
    }
    return value;
  }

  private static void prepared(Connection c) throws Exception {
    Common.execute(c, "CREATE TABLE numbers (n int PRIMARY KEY)");
    try (PreparedStatement p = c.prepareStatement("INSERT INTO numbers VALUES (?)")) {
      for (int n = 0; n < 1000; n++) {
        p.setInt(1, n);
        p.executeUpdate();
      }
    }
    Common.ok("prepared");
  }

  private static void transaction(Connection c) throws Exception {
    c.setAutoCommit(false);
    Common.execute(c, "INSERT INTO numbers VALUES (2000)");
    Common.fails("23505", () -> Common.execute(c, "INSERT INTO numbers VALUES (1)"));
    Common.fails("25P02", () -> Common.execute(c, "SELECT 1"));
    c.rollback();
    Common.execute(c, "INSERT INTO numbers VALUES (1000)");
    var savepoint = c.setSavepoint();
    Common.fails("23505", () -> Common.execute(c, "INSERT INTO numbers VALUES (1)"));
    c.rollback(savepoint);
    c.commit();
    c.setAutoCommit(true);
    Common.ok("transaction");
  }

  private static void cancel(Connection c) throws Exception {
    try (Statement s = c.createStatement()) {
      Common.cancelled(() -> s.execute("SELECT pg_sleep(60)"), s::cancel);
    }
    try (Statement s = c.createStatement()) {
      s.setQueryTimeout(1);
      Common.fails("57014", () -> s.execute("SELECT pg_sleep(60)"));
    }
    Common.execute(c, "SELECT 1");
    Common.ok("cancel");
  }

  private static void stream(Connection c, String name) throws SQLException {
    Common.execute(c, "CREATE STREAM " + name + " (n int)");
    Common.execute(c, "INSERT INTO " + name + " VALUES (0)");
  }

  private static void push(Connection c) throws Exception {
    stream(c, "ticks");
    follow(c);
    Common.execute(c, "SELECT 1");
    Common.ok("push");
  }

  // example: begin

  /** Prints the rows of a stream as they come: in a transaction, and fetched one by one. */
  static void follow(Connection c) throws SQLException {
    c.setAutoCommit(false);
    try (Statement s = c.createStatement()) {
      s.setFetchSize(1);
      ResultSet rows = s.executeQuery("SELECT n FROM ticks EMIT CHANGES WITH (snapshot = true)");
      while (rows.next()) {
        System.out.println("row ticks " + rows.getInt(1));
        if (rows.getInt(1) == 20) {
          break;
        }
      }
    }
    c.commit();
    c.setAutoCommit(true);
  }

  // example: end

  private static void copiedPush(Connection c) throws Exception {
    stream(c, "ticks2");
    var out = c.unwrap(PGConnection.class).getCopyAPI()
        .copyOut("COPY (SELECT n FROM ticks2 EMIT CHANGES WITH (snapshot = true)) TO STDOUT");
    int n = 0;
    while (n < 20) {
      n = Integer.parseInt(new String(out.readFromCopy(), StandardCharsets.UTF_8).strip());
      Common.row("ticks2", n);
    }
    // cancelCopy would leave the error to the next statement.
    c.unwrap(PGConnection.class).cancelQuery();
    Common.fails("57014", () -> out.readFromCopy());
    Common.execute(c, "SELECT 1");
    Common.ok("copied_push");
  }

  private static void fetchedPush(Connection c) throws Exception {
    stream(c, "ticks3");
    c.setAutoCommit(false);
    try (Statement s = c.createStatement()) {
      s.execute("DECLARE changes CURSOR FOR SELECT n FROM ticks3 EMIT CHANGES WITH (snapshot = true)");
      for (int n = 0; n < 20; ) {
        try (ResultSet r = s.executeQuery("FETCH ALL FROM changes")) {
          while (r.next()) {
            n = r.getInt(1);
            Common.row("ticks3", n);
          }
        }
      }
    }
    c.commit();
    c.setAutoCommit(true);
    Common.ok("fetched_push");
  }

  private static void batches(Connection c) throws Exception {
    Common.execute(c, "CREATE TABLE batched (n int PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, v text)");
    try (PreparedStatement p = c.prepareStatement("INSERT INTO batched VALUES (?, ?)")) {
      for (int n = 1001; n <= 2000; n++) {
        p.setInt(1, n);
        p.setString(2, "row " + n);
        p.addBatch();
      }
      Common.equal(p.executeBatch().length, 1000);
    }
    try (PreparedStatement p = c.prepareStatement("UPDATE batched SET v = ? WHERE n = ?")) {
      for (int n = 1001; n <= 1100; n++) {
        p.setString(1, "new");
        p.setInt(2, n);
        p.addBatch();
      }
      for (int count : p.executeBatch()) {
        Common.equal(count, 1);
      }
    }
    try (PreparedStatement p = c.prepareStatement("INSERT INTO batched (v) VALUES (?)", Statement.RETURN_GENERATED_KEYS)) {
      List<Integer> keys = new ArrayList<>();
      for (int n = 0; n < 3; n++) {
        p.setString(1, "key");
        p.addBatch();
      }
      p.executeBatch();
      try (ResultSet r = p.getGeneratedKeys()) {
        while (r.next()) {
          keys.add(r.getInt("n"));
        }
      }
      Common.equal(keys, List.of(1, 2, 3));
    }
    Common.equal(count(c, "SELECT count(*) FROM batched WHERE v = 'new'"), 100L);
    Common.equal(count(c, "SELECT count(*) FROM batched"), 1003L);
    Common.ok("batches");
  }

  private static long count(Connection c, String query) throws SQLException {
    try (Statement s = c.createStatement(); ResultSet r = s.executeQuery(query)) {
      r.next();
      return r.getLong(1);
    }
  }

  private static void copy(Connection c) throws Exception {
    Common.execute(c, "CREATE TABLE copied (k int PRIMARY KEY, v text)");
    var copies = c.unwrap(PGConnection.class).getCopyAPI();
    Common.equal(copies.copyIn("COPY copied FROM STDIN (FORMAT csv)", new StringReader("1,one\n2,two\n3,\n")), 3L);
    Common.fails("23505", () -> copies.copyIn("COPY copied FROM STDIN (FORMAT csv)", new StringReader("1,again\n")));
    var out = new StringWriter();
    Common.equal(copies.copyOut("COPY (SELECT * FROM copied ORDER BY k) TO STDOUT (FORMAT csv, HEADER)", out), 3L);
    Common.equal(out.toString(), "k,v\n1,one\n2,two\n3,\n");
    Common.ok("copy");
  }

  private static void cursors(Connection c) throws Exception {
    c.setAutoCommit(false);
    try (PreparedStatement p = c.prepareStatement("SELECT i FROM generate_series(1, ?) AS i")) {
      p.setInt(1, 1000);
      p.setFetchSize(7);
      for (int round = 0; round < 7; round++) {
        long sum = 0;
        try (ResultSet r = p.executeQuery()) {
          while (r.next()) {
            sum += r.getInt(1);
          }
        }
        Common.equal(sum, 500500L);
      }
    }
    c.commit();
    c.setAutoCommit(true);
    Common.ok("cursors");
  }

  private static void updatable(Connection c) throws Exception {
    try (Statement s = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE);
        ResultSet r = s.executeQuery("SELECT k, v FROM copied ORDER BY k")) {
      r.absolute(2);
      r.updateString("v", "changed");
      r.updateRow();
      r.first();
      r.deleteRow();
      r.moveToInsertRow();
      r.updateInt("k", 4);
      r.updateString("v", "four");
      r.insertRow();
    }
    Common.equal(count(c, "SELECT count(*) FROM copied WHERE (k, v) IN ((2, 'changed'), (4, 'four')) OR k = 1"), 2L);
    Common.ok("updatable");
  }

  private static PGNotification notified(PGConnection c) throws SQLException {
    while (true) {
      PGNotification[] list = c.getNotifications(0);
      if (list != null && list.length > 0) {
        Common.equal(list.length, 1);
        return list[0];
      }
    }
  }

  private static void listen(Connection c) throws Exception {
    PGConnection driver = c.unwrap(PGConnection.class);
    Common.execute(c, "LISTEN gate");
    Common.execute(c, "NOTIFY gate, 'opened'");
    PGNotification own = notified(driver);
    Common.equal(own.getName() + " " + own.getParameter() + " " + own.getPID(), "gate opened " + driver.getBackendPID());
    Common.execute(c, "CREATE STREAM listened (n int)");
    Common.execute(c, "LISTEN listened");
    Common.execute(c, "INSERT INTO listened VALUES (0)");
    for (int n = 0; n <= 20; n++) {
      Common.equal(notified(driver).getParameter(), "{\"rowop\":\"insert\",\"n\":" + n + "}");
      Common.row("listened", n);
    }
    Common.execute(c, "UNLISTEN *");
    Common.ok("notify");
  }

  private static List<String> names(ResultSet result, String... columns) throws SQLException {
    List<String> list = new ArrayList<>();
    try (result) {
      while (result.next()) {
        List<String> row = new ArrayList<>();
        for (String column : columns) {
          row.add(result.getString(column));
        }
        list.add(String.join(" ", row));
      }
    }
    return list;
  }

  private static void createdTypes(Connection c) throws Exception {
    Common.execute(c, "CREATE TYPE mood AS ENUM ('sad', 'happy')");
    Common.execute(c, "CREATE TYPE place AS (street text, number int)");
    Common.execute(c, "CREATE TABLE people (id int PRIMARY KEY, m mood, ms mood[], p place)");
    try (PreparedStatement p = c.prepareStatement("INSERT INTO people VALUES (?, ?::mood, ?, ?::place)")) {
      p.setInt(1, 1);
      p.setString(2, "happy");
      p.setArray(3, c.createArrayOf("mood", new String[] {"sad", null}));
      p.setString(4, "(\"High Street\",)");
      Common.equal(p.executeUpdate(), 1);
    }
    try (var statement = c.createStatement(); ResultSet r = statement.executeQuery("SELECT m, ms, p FROM people")) {
      r.next();
      Common.equal(r.getObject(1), "happy");
      Common.equal(java.util.Arrays.toString((Object[]) r.getArray(2).getArray()), "[sad, null]");
      Common.equal(r.getString(3), "(\"High Street\",)");
      Common.equal(r.getMetaData().getColumnTypeName(1) + " " + r.getMetaData().getColumnTypeName(2) + " " + r.getMetaData().getColumnTypeName(3),
          "mood _mood place");
      Common.equal(r.getMetaData().getColumnType(3), java.sql.Types.STRUCT);
    }
    Common.execute(c, "DROP TABLE people");
    Common.ok("created_types");
  }

  private static void metadata(Connection c) throws Exception {
    for (String statement : new String[] {
      "CREATE TABLE orders (id serial PRIMARY KEY, customer varchar(20) NOT NULL, amount numeric(10, 2) DEFAULT 0, tags text[])",
      "CREATE INDEX orders_customer ON orders (customer)",
      "CREATE VIEW large AS SELECT * FROM orders WHERE amount > 100",
    }) {
      Common.execute(c, statement);
    }
    var m = c.getMetaData();
    Common.equal(m.getDatabaseProductName(), "PostgreSQL");
    Common.equal(names(m.getTables(null, "public", "%r%e%", new String[] {"TABLE", "VIEW"}), "TABLE_NAME", "TABLE_TYPE"),
        List.of("orders TABLE", "large VIEW"));
    Common.equal(names(m.getColumns(null, "public", "orders", "%"), "COLUMN_NAME", "TYPE_NAME", "COLUMN_SIZE", "IS_NULLABLE", "IS_AUTOINCREMENT"),
        List.of("id serial 10 NO YES", "customer varchar 20 NO NO", "amount numeric 10 YES NO", "tags _text 2147483647 YES NO"));
    Common.equal(names(m.getPrimaryKeys(null, "public", "orders"), "COLUMN_NAME", "KEY_SEQ", "PK_NAME"), List.of("id 1 orders_pkey"));
    Common.equal(names(m.getIndexInfo(null, "public", "orders", false, true), "INDEX_NAME", "COLUMN_NAME", "NON_UNIQUE"),
        List.of("orders_pkey id f", "orders_customer customer t"));
    Common.equal(names(m.getBestRowIdentifier(null, "public", "orders", 0, true), "COLUMN_NAME"), List.of("id"));
    Common.equal(names(m.getImportedKeys(null, "public", "orders"), "PKCOLUMN_NAME"), List.of());
    Common.equal(names(m.getSchemas(null, "public"), "TABLE_SCHEM"), List.of("public"));
    Common.equal(names(m.getTablePrivileges(null, "public", "orders"), "PRIVILEGE").contains("SELECT"), true);
    Common.equal(names(m.getFunctions(null, null, "lower"), "FUNCTION_NAME").isEmpty(), false);
    Common.equal(names(m.getTypeInfo(), "TYPE_NAME").contains("timestamptz"), true);
    Common.equal(m.getSQLKeywords().contains("analyze"), true);
    try (PreparedStatement p = c.prepareStatement("SELECT id, amount AS paid FROM orders WHERE customer = ?")) {
      var columns = p.getMetaData();
      Common.equal(columns.isAutoIncrement(1) + " " + columns.getColumnTypeName(1) + " " + columns.getPrecision(2) + " " + columns.getScale(2),
          "true serial 10 2");
      Common.equal(p.getParameterMetaData().getParameterTypeName(1), "text");
    }
    c.setReadOnly(true);
    Common.fails("25006", () -> {
      c.setAutoCommit(false);
      Common.execute(c, "INSERT INTO numbers VALUES (3000)");
    });
    c.rollback();
    c.setAutoCommit(true);
    c.setReadOnly(false);
    Common.equal(c.isValid(5), true);
    Common.ok("metadata");
  }
}
