import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Objects;
import java.util.TimeZone;

/** What the clients in Java share: the connection, the steps' lines, and expectations. */
final class Common {
  private Common() {}

  interface Action {
    void run() throws Exception;
  }

  static {
    TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
  }

  static String url() {
    return "jdbc:postgresql://%s:%s/%s?sslmode=verify-full&sslrootcert=%s&channelBinding=require&reWriteBatchedInserts=true".formatted(
        System.getenv("PGHOST"), System.getenv("PGPORT"), System.getenv("PGDATABASE"), System.getenv("PGSSLROOTCERT"));
  }

  static String user() {
    return System.getenv("PGUSER");
  }

  static String password() {
    return System.getenv("PGPASSWORD");
  }

  static Connection connect() throws SQLException {
    return DriverManager.getConnection(url(), user(), password());
  }

  static String definition() throws IOException {
    return Files.readString(Path.of("../everything.sql"));
  }

  static void ok(String step) {
    System.out.println("ok " + step);
  }

  static void row(String stream, int n) {
    System.out.println("row " + stream + " " + n);
  }

  static void equal(Object got, Object want) {
    if (!Objects.deepEquals(got, want)) {
      throw new AssertionError("got " + got + ", want " + want);
    }
  }

  /** Expects an action to fail with an SQLSTATE. */
  static void fails(String state, Action action) throws Exception {
    try {
      action.run();
    } catch (SQLException e) {
      if (!state.equals(e.getSQLState())) {
        throw e;
      }
      return;
    }
    throw new AssertionError("no " + state);
  }

  static void execute(Connection c, String statement) throws SQLException {
    try (var s = c.createStatement()) {
      s.execute(statement);
    }
  }
}
