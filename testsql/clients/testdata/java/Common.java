import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Objects;
import java.util.StringJoiner;
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

  /** The only row of a query, with blanks between its values. */
  static String row(Connection c, String query) throws SQLException {
    try (var s = c.createStatement(); var r = s.executeQuery(query)) {
      r.next();
      var values = new StringJoiner(" ");
      for (int i = 1; i <= r.getMetaData().getColumnCount(); i++) {
        values.add(r.getString(i));
      }
      equal(r.next(), false);
      return values.toString();
    }
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
    } catch (Exception e) {
      Throwable cause = e;
      while (cause != null && !(cause instanceof SQLException)) {
        cause = cause.getCause();
      }
      if (cause == null || !state.equals(((SQLException) cause).getSQLState())) {
        throw e;
      }
      return;
    }
    throw new AssertionError("no " + state);
  }

  /** Expects a statement to be cancelled by what is done again and again while it runs. */
  static void cancelled(Action statement, Action cancel) throws Exception {
    Thread canceller = new Thread(() -> {
      try {
        while (!Thread.interrupted()) { // one that comes before the statement has begun does nothing
          Thread.sleep(50);
          cancel.run();
        }
      } catch (Exception e) {
        return;
      }
    });
    canceller.start();
    fails("57014", statement);
    canceller.interrupt();
    canceller.join();
  }

  static void execute(Connection c, String statement) throws SQLException {
    try (var s = c.createStatement()) {
      s.execute(statement);
    }
  }
}
