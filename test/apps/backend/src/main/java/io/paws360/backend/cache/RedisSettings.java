package io.paws360.backend.cache;

import io.lettuce.core.RedisURI;
import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;

/** Where Redis is: the Sentinels that know its master. */
@ConfigurationProperties("redis")
record RedisSettings(String sentinels, String masterName, String password, String sentinelPassword) {

    /** Long enough for a busy laptop, short enough for a caller who waits. */
    static final Duration TIMEOUT = Duration.ofSeconds(1);

    RedisURI uri(String clientName) {
        RedisURI.Builder uri = RedisURI.builder()
                .withSentinelMasterId(masterName)
                .withClientName(clientName)
                .withTimeout(TIMEOUT);
        for (String sentinel : sentinels.split(",")) {
            int colon = sentinel.lastIndexOf(':');
            if (colon < 1) {
                throw new IllegalArgumentException("REDIS_SENTINELS must be host:port,...: " + sentinels);
            }
            String host = sentinel.substring(0, colon).strip();
            int port = Integer.parseInt(sentinel.substring(colon + 1).strip());
            if (sentinelPassword.isEmpty()) {
                uri.withSentinel(host, port);
            } else {
                uri.withSentinel(host, port, sentinelPassword);
            }
        }
        if (!password.isEmpty()) {
            uri.withPassword(password.toCharArray());
        }
        return uri.build();
    }
}
