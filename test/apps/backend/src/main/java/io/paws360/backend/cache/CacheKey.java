package io.paws360.backend.cache;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;

/** Keys of cached answers: {@code api:cache:<endpoint>:<params_hash>} (NFR-PERF-003). */
final class CacheKey {

    private CacheKey() {}

    /**
     * The key of one answer. The generation is one of the parameters: changing
     * it makes every older answer of the endpoint unreachable at once.
     */
    static String of(String endpoint, String generation, Map<String, String> params) {
        StringBuilder canonical = new StringBuilder(generation);
        new TreeMap<>(params).forEach((name, value) ->
                canonical.append('\n').append(name.length()).append(':').append(name)
                        .append('=').append(value.length()).append(':').append(value));
        return "api:cache:" + endpoint + ":" + hash(canonical.toString());
    }

    /** The key under which an endpoint's generation is kept. */
    static String generationOf(String endpoint) {
        return "api:generation:" + endpoint;
    }

    private static String hash(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest, 0, 16);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
