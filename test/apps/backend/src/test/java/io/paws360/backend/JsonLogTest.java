package io.paws360.backend;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.slf4j.event.KeyValuePair;
import org.springframework.mock.env.MockEnvironment;

class JsonLogTest {

    @Test
    void aLineHasTheFieldsOfTheRequirement() throws Exception {
        LoggingEvent event = new LoggingEvent();
        event.setLoggerContext(new LoggerContext());
        event.setLoggerName("io.paws360.Some");
        event.setLevel(Level.INFO);
        event.setMessage("User \"a\"\nauthenticated");
        event.setInstant(Instant.parse("2025-11-27T14:32:15.123Z"));
        event.setMDCPropertyMap(Map.of("trace_id", "550e8400-e29b-41d4-a716-446655440000"));
        event.addKeyValuePair(new KeyValuePair("duration_ms", 45));
        event.addKeyValuePair(new KeyValuePair("level", "cannot be replaced"));

        String line = new JsonLog(new MockEnvironment().withProperty("spring.application.name", "backend")).format(event);

        assertThat(line).endsWith("}\n").doesNotContain("\n{");
        assertThat(line.strip().lines()).hasSize(1);
        ObjectMapper json = new ObjectMapper();
        assertThat(json.readTree(line)).isEqualTo(json.readTree("""
                {
                  "timestamp": "2025-11-27T14:32:15.123Z",
                  "level": "INFO",
                  "service": "backend",
                  "trace_id": "550e8400-e29b-41d4-a716-446655440000",
                  "message": "User \\"a\\"\\nauthenticated",
                  "logger": "io.paws360.Some",
                  "duration_ms": 45
                }
                """));
    }
}
