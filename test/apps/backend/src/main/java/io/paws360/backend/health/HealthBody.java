package io.paws360.backend.health;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Map;

/** What the health endpoints answer (NFR-OBS-004). */
@JsonInclude(JsonInclude.Include.NON_NULL)
record HealthBody(
        String status,
        String service,
        String version,
        @JsonProperty("uptime_seconds") long uptimeSeconds,
        Map<String, Dependency> dependencies,
        Instant timestamp) {

    /** Serves, but without one of its helpers. */
    static final String DEGRADED = "DEGRADED";

    /** The process itself. */
    static HealthBody live(boolean alive, String version, Instant started, Instant now) {
        return body(alive ? Dependency.UP : Dependency.DOWN, version, null, started, now);
    }

    /** The process and what it uses: without the database it cannot serve, without the cache it is slower. */
    static HealthBody ready(Dependency database, Dependency cache, String version, Instant started, Instant now) {
        String status = !database.up() ? Dependency.DOWN : !cache.up() ? DEGRADED : Dependency.UP;
        return body(status, version, Map.of("database", database, "cache", cache), started, now);
    }

    boolean serves() {
        return !Dependency.DOWN.equals(status);
    }

    private static HealthBody body(
            String status, String version, Map<String, Dependency> dependencies, Instant started, Instant now) {
        return new HealthBody(status, "backend", version, Duration.between(started, now).toSeconds(), dependencies,
                now.truncatedTo(ChronoUnit.SECONDS));
    }
}
