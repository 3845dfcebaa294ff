package io.paws360.backend.cache;

/** Redis did not answer, or not as it should. */
public final class RedisUnavailable extends Exception {

    RedisUnavailable(Throwable cause) {
        super(reason(cause), cause);
    }

    private static String reason(Throwable cause) {
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
    }
}
