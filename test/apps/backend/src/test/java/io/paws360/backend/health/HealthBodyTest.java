package io.paws360.backend.health;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HealthBodyTest {

    private static final Instant STARTED = Instant.parse("2025-11-27T13:32:15.5Z");
    private static final Instant NOW = Instant.parse("2025-11-27T14:32:15.7Z");

    @Test
    void theBodyIsThatOfTheRequirement() throws Exception {
        ObjectMapper json = new ObjectMapper()
                .registerModule(new JavaTimeModule())
                .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS);
        HealthBody body = HealthBody.ready(
                new Dependency("UP", 5, null), new Dependency("UP", 2, null), "1.0.0", STARTED, NOW);

        assertThat(json.readTree(json.writeValueAsString(body))).isEqualTo(json.readTree("""
                {
                  "status": "UP",
                  "service": "backend",
                  "version": "1.0.0",
                  "uptime_seconds": 3600,
                  "dependencies": {
                    "database": {"status": "UP", "response_time_ms": 5},
                    "cache": {"status": "UP", "response_time_ms": 2}
                  },
                  "timestamp": "2025-11-27T14:32:15Z"
                }
                """));
    }

    @ParameterizedTest
    @CsvSource({"UP,UP,UP,true", "UP,DOWN,DEGRADED,true", "DOWN,UP,DOWN,false", "DOWN,DOWN,DOWN,false"})
    void theDatabaseIsNeededAndTheCacheIsNot(String database, String cache, String status, boolean serves) {
        HealthBody body = HealthBody.ready(
                new Dependency(database, 1, null), new Dependency(cache, 1, null), "1.0.0", STARTED, NOW);

        assertThat(body.status()).isEqualTo(status);
        assertThat(body.serves()).isEqualTo(serves);
    }

    @Test
    void aDeadlockedProcessIsDown() {
        assertThat(HealthBody.live(true, "1.0.0", STARTED, NOW).serves()).isTrue();
        assertThat(HealthBody.live(false, "1.0.0", STARTED, NOW).serves()).isFalse();
    }
}
