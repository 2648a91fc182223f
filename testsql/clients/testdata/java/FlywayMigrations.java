import java.sql.Connection;
import java.sql.SQLException;
import java.util.Map;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;

/** Drives a node with Flyway. */
public final class FlywayMigrations {
  private FlywayMigrations() {}

  public static void main(String[] arguments) throws Exception {
    try (Connection c = Common.connect()) {
      Common.equal(flyway("1", "2").migrate().migrationsExecuted, 3);
      Common.equal(Common.row(c, "SELECT name, amount FROM customers JOIN orders ON customer = customers.id WHERE name = 'first'"), "first 7.50");
      Common.equal(Common.row(c, "SELECT count(*) FROM large"), "1");
      Common.equal(flyway("1", "2").migrate().migrationsExecuted, 0);
      flyway("1", "2").validate();
      Common.ok("migrate");
      failed(c);
      Common.equal(flyway("1", "3").migrate().migrationsExecuted, 1);
      Common.equal(Common.row(c, "SELECT count(*), max(amount) FROM orders, half"), "0 null");
      Common.ok("again");
      flyway("1", "3").clean();
      Common.equal(Common.row(c, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"), "0");
      Common.ok("clean");
    }
  }

  /** A migration that fails leaves nothing: it is a transaction. */
  private static void failed(Connection c) throws SQLException {
    try {
      flyway("-1", "3").migrate();
    } catch (FlywayException e) {
      Common.equal(e.getMessage().contains("23514"), true);
      Common.equal(Common.row(c, "SELECT to_regclass('half'), count(*) FROM orders"), "null 2");
      Common.ok("failed");
      return;
    }
    throw new AssertionError("a broken migration is done");
  }

  private static Flyway flyway(String amount, String version) {
    return Flyway.configure()
        .dataSource(Common.url(), Common.user(), Common.password())
        .locations("filesystem:migrations")
        .placeholders(Map.of("amount", amount))
        .target(version)
        .cleanDisabled(false)
        .load();
  }
}
