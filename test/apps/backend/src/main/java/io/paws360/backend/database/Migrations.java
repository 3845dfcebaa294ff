package io.paws360.backend.database;

import java.util.Map;
import org.flywaydb.core.Flyway;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.boot.autoconfigure.jdbc.DataSourceProperties;
import org.springframework.boot.context.event.ApplicationReadyEvent;
import org.springframework.context.annotation.Lazy;
import org.springframework.context.event.EventListener;
import org.springframework.stereotype.Component;

/**
 * Brings the database's schema up to date beside the start of the application:
 * it may start before the database does, and is ready once both are.
 */
@Component
@Lazy(false)
public class Migrations implements DisposableBean {

    private static final Logger log = LoggerFactory.getLogger(Migrations.class);
    /** Milliseconds between two tries, doubled from the first to the longest. */
    private static final long FIRST_PAUSE = 250;
    private static final long LONGEST_PAUSE = 1000;

    /**
     * Migrations have connections of their own: a pool that waits for a database
     * pauses for seconds between its tries, and limits how long a statement takes.
     */
    private static final Map<String, String> CONNECTION = Map.of(
            "connectTimeout", "2", "loginTimeout", "8", "tcpKeepAlive", "true", "ApplicationName", "backend-migrations");

    private final DataSourceProperties database;
    private final Thread worker = new Thread(this::untilDone, "migrations");
    private volatile boolean done;
    private volatile String problem = "not run yet";

    Migrations(DataSourceProperties database) {
        this.database = database;
        worker.setDaemon(true);
    }

    /** Why the schema is not up to date; null once it is. */
    public String problem() {
        return done ? null : problem;
    }

    @EventListener(ApplicationReadyEvent.class)
    void start() {
        worker.start();
    }

    @Override
    public void destroy() {
        worker.interrupt();
    }

    private void untilDone() {
        long pause = FIRST_PAUSE;
        while (!Thread.currentThread().isInterrupted()) {
            try {
                migrate();
                return;
            } catch (RuntimeException e) {
                tell(e);
            }
            try {
                Thread.sleep(pause);
            } catch (InterruptedException e) {
                return;
            }
            pause = Math.min(2 * pause, LONGEST_PAUSE);
        }
    }

    private void migrate() {
        var result = Flyway.configure()
                .dataSource(database.determineUrl(), database.determineUsername(), database.determinePassword())
                .jdbcProperties(CONNECTION)
                .locations("classpath:db/migrations")
                .load()
                .migrate();
        done = true;
        log.atInfo()
                .addKeyValue("applied", result.migrationsExecuted)
                .addKeyValue("schema_version", result.migrationsExecuted > 0 ? result.targetSchemaVersion : result.initialSchemaVersion)
                .log("Database schema is up to date");
    }

    private void tell(RuntimeException e) {
        Throwable root = e;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        String reason = root.getMessage() == null ? root.getClass().getSimpleName() : root.getMessage().lines().findFirst().orElse("");
        if (!reason.equals(problem) && !Thread.currentThread().isInterrupted()) {
            log.atWarn().log("Database schema is not up to date yet: {}", reason);
        }
        problem = reason;
    }
}
