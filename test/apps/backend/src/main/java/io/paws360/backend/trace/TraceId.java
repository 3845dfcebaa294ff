package io.paws360.backend.trace;

import java.util.UUID;
import java.util.regex.Pattern;
import org.slf4j.MDC;

/** The identifier that follows one request through every service (NFR-OBS-002). */
public final class TraceId {

    public static final String HEADER = "X-Trace-ID";
    /** The field of the log, and the key of the logging context. */
    public static final String FIELD = "trace_id";

    /**
     * What may stand in a log, a header, a PostgreSQL application_name (63 bytes)
     * and a Redis client name (no spaces) without being escaped or cut.
     */
    private static final Pattern ACCEPTED = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{7,62}");

    private TraceId() {}

    /** The identifier that the caller sent, or a new one when it sent none that is acceptable. */
    public static String takeOrMake(String sent) {
        return sent != null && ACCEPTED.matcher(sent).matches() ? sent : UUID.randomUUID().toString();
    }

    /** The identifier of the request that this thread serves; null outside of one. */
    public static String current() {
        return MDC.get(FIELD);
    }
}
