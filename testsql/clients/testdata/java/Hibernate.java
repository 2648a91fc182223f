import jakarta.persistence.CascadeType;
import jakarta.persistence.Column;
import jakarta.persistence.ConstraintMode;
import jakarta.persistence.Entity;
import jakarta.persistence.ForeignKey;
import jakarta.persistence.GeneratedValue;
import jakarta.persistence.GenerationType;
import jakarta.persistence.Id;
import jakarta.persistence.Index;
import jakarta.persistence.JoinColumn;
import jakarta.persistence.LockModeType;
import jakarta.persistence.ManyToOne;
import jakarta.persistence.OneToMany;
import jakarta.persistence.Table;
import jakarta.persistence.Version;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.hibernate.Session;
import org.hibernate.SessionFactory;
import org.hibernate.annotations.ColumnTransformer;
import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.cfg.Configuration;
import org.hibernate.type.SqlTypes;

/** Drives a node with Hibernate: entities, and the tables that it makes of them. */
public final class Hibernate {
  private Hibernate() {}

  @Entity
  @Table(name = "everything")
  public static class Everything {
    @Id Integer id;
    Boolean b;
    Short i2;
    Integer i4;
    Long i8;
    Float f4;
    Double f8;
    @Column(precision = 20, scale = 4) BigDecimal n;
    @Column(columnDefinition = "text") String t;
    @Column(length = 20) String vc;
    @Column(columnDefinition = "char(6)") String ch;
    byte[] by;
    LocalDate d;
    LocalTime ti;
    LocalDateTime ts;
    OffsetDateTime tz;
    @JdbcTypeCode(SqlTypes.INTERVAL_SECOND) Duration iv;
    UUID u;
    @Column(columnDefinition = "json") @ColumnTransformer(write = "?::json") String j;
    @Column(columnDefinition = "jsonb") @ColumnTransformer(write = "?::jsonb") String jb;
    @JdbcTypeCode(SqlTypes.ARRAY) Integer[] ia;
    @JdbcTypeCode(SqlTypes.ARRAY) @Column(columnDefinition = "text[]") String[] ta;

    static Everything of(Object... values) throws ReflectiveOperationException {
      var e = new Everything();
      var fields = Everything.class.getDeclaredFields();
      for (int i = 0; i < values.length; i++) {
        fields[i].set(e, values[i]);
      }
      return e;
    }

    List<Object> values() throws ReflectiveOperationException {
      List<Object> list = new ArrayList<>();
      for (var field : Everything.class.getDeclaredFields()) {
        list.add(field.get(this));
      }
      return list;
    }
  }

  @Entity
  @Table(name = "numbers")
  public static class Number {
    @Id Integer n;

    static Number of(int n) {
      var number = new Number();
      number.n = n;
      return number;
    }
  }

  @Entity
  @Table(name = "customers")
  public static class Customer {
    @Id @GeneratedValue(strategy = GenerationType.IDENTITY) Long id;
    @Column(nullable = false, unique = true, length = 40) String name;
    @Version int version;
    @OneToMany(mappedBy = "customer", cascade = CascadeType.ALL, orphanRemoval = true) List<Purchase> purchases = new ArrayList<>();
  }

  @Entity
  @Table(name = "purchases", indexes = @Index(name = "purchases_made", columnList = "made, amount DESC"))
  public static class Purchase {
    @Id @GeneratedValue(strategy = GenerationType.SEQUENCE) Long id;
    @ManyToOne(optional = false) @JoinColumn(foreignKey = @ForeignKey(ConstraintMode.NO_CONSTRAINT)) Customer customer;
    @Column(precision = 10, scale = 2, check = @jakarta.persistence.CheckConstraint(constraint = "amount >= 0")) BigDecimal amount;
    LocalDate made;
  }

  public static void main(String[] arguments) throws Exception {
    try (SessionFactory factory = factory("none", Everything.class, Number.class)) {
      Common.equal(factory.fromSession(s -> s.createNativeQuery("SELECT current_user", String.class).getSingleResult()), Common.user());
      Common.ok("connect");
      types(factory);
      prepared(factory);
      transaction(factory);
      cancel(factory);
      execute(factory, "CREATE STREAM ticks (n int)");
      execute(factory, "INSERT INTO ticks VALUES (0)");
      factory.inTransaction(Hibernate::follow);
      execute(factory, "INSERT INTO ticks VALUES (21)");
      Common.ok("push");
    }
    try (SessionFactory factory = factory("create", Customer.class, Purchase.class)) {
      mapper(factory);
    }
    // Each ends with an exception where a table is not as its entity says.
    factory("update", Customer.class, Purchase.class).close();
    factory("validate", Customer.class, Purchase.class).close();
    Common.ok("validate");
    factory("create-drop", Customer.class, Purchase.class).close();
    try (var c = Common.connect()) {
      Common.equal(Common.row(c, "SELECT to_regclass('customers'), to_regclass('purchases_seq')"), "null null");
    }
    Common.ok("drop");
  }

  private static SessionFactory factory(String tables, Class<?>... entities) {
    var configuration = new Configuration()
        .setProperty("hibernate.connection.url", Common.url())
        .setProperty("hibernate.connection.username", Common.user())
        .setProperty("hibernate.connection.password", Common.password())
        .setProperty("hibernate.connection.pool_size", "2")
        .setProperty("hibernate.hbm2ddl.auto", tables)
        .setProperty("hibernate.hbm2ddl.halt_on_error", "true")
        .setProperty("hibernate.jdbc.batch_size", "25")
        .setProperty("hibernate.type.java_time_use_direct_jdbc", "true");
    Arrays.stream(entities).forEach(configuration::addAnnotatedClass);
    return configuration.buildSessionFactory();
  }

  private static void execute(SessionFactory factory, String statement) {
    factory.inTransaction(s -> s.createNativeMutationQuery(statement).executeUpdate());
  }

  private static void types(SessionFactory factory) throws Exception {
    execute(factory, Files.readString(Path.of("../everything.sql")));
    var rows = List.of(
        Everything.of(
            1, true, Short.MIN_VALUE, Integer.MAX_VALUE, Long.MIN_VALUE, 1.5f, 0.1, new BigDecimal("1234567890123456.7890"),
            "grün ☃ 'quoted' \\ back", "varying", "fixed ", new byte[] {0, -1, 16},
            LocalDate.of(2024, 2, 29), LocalTime.of(23, 59, 59, 123456000),
            LocalDateTime.of(2001, 1, 1, 12, 34, 56, 789000000), OffsetDateTime.of(2024, 6, 30, 23, 59, 59, 999999000, ZoneOffset.UTC),
            Duration.ofDays(2).plusHours(3).plusMinutes(4).plusMillis(5500), UUID.fromString("00112233-4455-6677-8899-aabbccddeeff"),
            "{\"a\": [1, null, \"x\"]}", "{\"b\": {\"c\": true}}", new Integer[] {1, null, -3}, new String[] {"a", "b c", null, ""}),
        Everything.of(2),
        Everything.of(
            3, false, (short) 0, 0, 0L, Float.NaN, Double.NEGATIVE_INFINITY, new BigDecimal("0.0000"), "", "", "      ", new byte[0],
            LocalDate.EPOCH, LocalTime.MIDNIGHT, LocalDateTime.of(1970, 1, 1, 0, 0), OffsetDateTime.of(1970, 1, 1, 0, 0, 0, 0, ZoneOffset.UTC),
            Duration.ZERO, new UUID(0, 0), "[]", "\"text\"", new Integer[0], new String[0]));
    factory.inTransaction(s -> rows.forEach(s::persist));
    var read = factory.fromSession(s -> s.createQuery("FROM Hibernate$Everything ORDER BY id", Everything.class).list());
    for (int i = 0; i < rows.size(); i++) {
      Common.equal(read.get(i).values().toArray(), rows.get(i).values().toArray());
    }
    // Hibernate's duration is seconds: 51 hours are not 2 days and 3 hours to PostgreSQL.
    execute(factory, "UPDATE everything SET iv = justify_hours(iv)");
    Common.ok("types");
  }

  private static void prepared(SessionFactory factory) {
    execute(factory, "CREATE TABLE numbers (n int PRIMARY KEY)");
    factory.inTransaction(s -> {
      for (int n = 0; n < 1000; n++) {
        s.persist(Number.of(n));
      }
    });
    Common.ok("prepared");
  }

  private static void put(Session s, int n) {
    s.createNativeMutationQuery("INSERT INTO numbers VALUES (:n)").setParameter("n", n).executeUpdate();
  }

  private static void transaction(SessionFactory factory) throws Exception {
    try (Session s = factory.openSession()) {
      var block = s.beginTransaction();
      put(s, 2000);
      Common.fails("23505", () -> put(s, 1));
      Common.fails("25P02", () -> s.createNativeQuery("SELECT 1", Integer.class).getSingleResult());
      block.rollback();
      block.begin();
      put(s, 1000);
      s.doWork(c -> { // an exception through Hibernate would doom the whole transaction
        var before = c.setSavepoint();
        try {
          Common.fails("23505", () -> Common.execute(c, "INSERT INTO numbers VALUES (1)"));
        } catch (Exception e) {
          throw new SQLException(e);
        }
        c.rollback(before);
      });
      block.commit();
    }
    Common.ok("transaction");
  }

  private static void cancel(SessionFactory factory) throws Exception {
    try (Session s = factory.openSession()) {
      Common.cancelled(() -> s.createNativeQuery("SELECT 1 FROM pg_sleep(60)", Integer.class).getSingleResult(), s::cancelQuery);
    }
    execute(factory, "INSERT INTO numbers SELECT 1 WHERE false");
    Common.ok("cancel");
  }

  // example: begin

  /** Prints the rows of a stream as they come: in a transaction, and fetched one by one. */
  static void follow(Session s) {
    var query = s.createNativeQuery("SELECT n FROM ticks EMIT CHANGES WITH (snapshot = true)", Integer.class);
    try (var rows = query.setFetchSize(1).getResultStream()) {
      rows.peek(n -> System.out.println("row ticks " + n)).anyMatch(n -> n == 20);
    }
  }

  // example: end

  private static void mapper(SessionFactory factory) throws Exception {
    var id = factory.fromTransaction(s -> {
      Customer customer = null;
      for (var name : List.of("a", "b", "c")) {
        customer = new Customer();
        customer.name = name;
        for (int day = 1; day <= 30; day++) {
          var purchase = new Purchase();
          purchase.customer = customer;
          purchase.amount = BigDecimal.valueOf(day);
          purchase.made = LocalDate.of(2024, 1, day);
          customer.purchases.add(purchase);
        }
        s.persist(customer);
      }
      return customer.id;
    });
    factory.inTransaction(s -> {
      Common.equal(s.createQuery("SELECT c.name FROM Hibernate$Customer c JOIN c.purchases p WHERE p.made >= :day GROUP BY c.name HAVING sum(p.amount) > 50 ORDER BY c.name", String.class)
          .setParameter("day", LocalDate.of(2024, 1, 29)).setMaxResults(2).list(), List.of("a", "b"));
      var customer = s.find(Customer.class, id, LockModeType.PESSIMISTIC_WRITE);
      customer.name = "changed";
      customer.purchases.removeIf(p -> p.made.getDayOfMonth() == 1);
      Common.equal(customer.purchases.size(), 29);
    });
    factory.inTransaction(s -> {
      Common.equal(s.createQuery("SELECT version FROM Hibernate$Customer WHERE name = 'changed'", Integer.class).getSingleResult(), 1);
      Common.equal(s.createMutationQuery("UPDATE Hibernate$Purchase p SET p.amount = p.amount * 2 WHERE p.customer.id IN (SELECT id FROM Hibernate$Customer WHERE name = 'b')").executeUpdate(), 30);
      Common.equal(s.createQuery("SELECT sum(amount), count(*) FROM Hibernate$Purchase", Object[].class).getSingleResult(), new Object[] {new BigDecimal("1859.00"), 89L});
      Common.equal(s.createQuery("SELECT extract(month FROM made), row_number() OVER (ORDER BY id) FROM Hibernate$Purchase", Object[].class).setFetchSize(10).getResultStream().count(), 89L);
      s.remove(s.find(Customer.class, id));
    });
    Common.fails("23505", () -> factory.inTransaction(s -> {
      var again = new Customer();
      again.name = "a";
      s.persist(again);
    }));
    Common.equal(factory.fromSession(s -> s.createQuery("SELECT count(*) FROM Hibernate$Purchase", Long.class).getSingleResult()), 60L);
    Common.ok("orm");
  }
}
