package io.paws360.backend;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxy;
import io.paws360.backend.trace.TraceId;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.Map;
import org.springframework.boot.json.JsonWriter;
import org.springframework.boot.logging.structured.StructuredLogFormatter;
import org.springframework.core.env.Environment;

/** One line of JSON a log event, as NFR-OBS-001 has it. */
public final class JsonLog implements StructuredLogFormatter<ILoggingEvent> {

    private static final DateTimeFormatter TIMESTAMP =
            DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'").withZone(ZoneOffset.UTC);

    private final String service;
    private final JsonWriter<Map<String, Object>> writer = JsonWriter.<Map<String, Object>>standard().withNewLineAtEnd();

    public JsonLog(Environment environment) {
        this.service = environment.getProperty("spring.application.name", "backend");
    }

    @Override
    public String format(ILoggingEvent event) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("timestamp", TIMESTAMP.format(event.getInstant() != null ? event.getInstant() : Instant.now()));
        line.put("level", event.getLevel().toString());
        line.put("service", service);
        line.put("trace_id", event.getMDCPropertyMap().getOrDefault(TraceId.FIELD, ""));
        line.put("message", event.getFormattedMessage());
        line.put("logger", event.getLoggerName());
        if (event.getKeyValuePairs() != null) {
            event.getKeyValuePairs().forEach(pair -> line.putIfAbsent(pair.key, pair.value));
        }
        if (event.getThrowableProxy() instanceof ThrowableProxy proxy) {
            StringWriter stack = new StringWriter();
            proxy.getThrowable().printStackTrace(new PrintWriter(stack));
            line.put("stack_trace", stack.toString());
        }
        return writer.writeToString(line);
    }
}
