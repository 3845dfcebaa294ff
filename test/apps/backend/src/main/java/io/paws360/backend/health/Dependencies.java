package io.paws360.backend.health;

import io.paws360.backend.cache.Redis;
import io.paws360.backend.database.Migrations;
import java.sql.Connection;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.stereotype.Component;

/**
 * Looks at the database and the cache. Every health endpoint answers from here,
 * and every look ends in time for a probe, whatever hangs.
 */
@Component
class Dependencies implements DisposableBean {

    private static final long LIMIT_MS = 2000;

    private interface Look {
        /** Returns quietly when all is well. */
        void at() throws Exception;
    }

    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final DataSource database;
    private final Migrations migrations;
    private final Redis redis;
    private CompletableFuture<Dependency> databaseLook;
    private CompletableFuture<Dependency> cacheLook;

    Dependencies(DataSource database, Migrations migrations, Redis redis) {
        this.database = database;
        this.migrations = migrations;
        this.redis = redis;
    }

    /** A look at the database that is under way, or a new one. */
    synchronized CompletableFuture<Dependency> database() {
        if (databaseLook == null || databaseLook.isDone()) {
            databaseLook = look(this::lookAtDatabase);
        }
        return databaseLook;
    }

    /** A look at the cache that is under way, or a new one. */
    synchronized CompletableFuture<Dependency> cache() {
        if (cacheLook == null || cacheLook.isDone()) {
            cacheLook = look(() -> redis.run(r -> r.ping()));
        }
        return cacheLook;
    }

    private void lookAtDatabase() throws Exception {
        if (migrations.problem() != null) {
            throw new IllegalStateException("schema: " + migrations.problem());
        }
        try (Connection connection = database.getConnection(); var statement = connection.createStatement()) {
            statement.setQueryTimeout(1);
            statement.execute("SELECT 1");
        }
    }

    private CompletableFuture<Dependency> look(Look look) {
        long start = System.nanoTime();
        return CompletableFuture
                .supplyAsync(() -> {
                    try {
                        look.at();
                        return new Dependency(Dependency.UP, millisSince(start), null);
                    } catch (Exception e) {
                        Throwable root = NestedExceptionUtils.getMostSpecificCause(e);
                        return new Dependency(Dependency.DOWN, millisSince(start), String.valueOf(root.getMessage()));
                    }
                }, threads)
                .completeOnTimeout(new Dependency(Dependency.DOWN, LIMIT_MS, "does not answer"), LIMIT_MS, TimeUnit.MILLISECONDS);
    }

    private static long millisSince(long start) {
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
    }

    @Override
    public void destroy() {
        threads.shutdownNow();
    }
}
