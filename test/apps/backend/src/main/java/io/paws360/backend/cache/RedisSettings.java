package io.paws360.backend.cache;

import io.lettuce.core.RedisURI;
import io.lettuce.core.SslOptions;
import java.io.File;
import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;

/** Where Redis is: the Sentinels that know its master. */
@ConfigurationProperties("redis")
record RedisSettings(
        String sentinels,
        String masterName,
        String username,
        String password,
        String sentinelUsername,
        String sentinelPassword,
        boolean tls,
        String caCert) {

    /** Long enough for a busy laptop, short enough for a caller who waits. */
    static final Duration TIMEOUT = Duration.ofSeconds(1);

    RedisURI uri(String clientName) {
        RedisURI.Builder uri = RedisURI.builder()
                .withSentinelMasterId(masterName)
                .withClientName(clientName)
                .withSsl(tls)
                .withTimeout(TIMEOUT);
        for (String sentinel : sentinels.split(",")) {
            int colon = sentinel.lastIndexOf(':');
            if (colon < 1) {
                throw new IllegalArgumentException("REDIS_SENTINELS must be host:port,...: " + sentinels);
            }
            String host = sentinel.substring(0, colon).strip();
            int port = Integer.parseInt(sentinel.substring(colon + 1).strip());
            RedisURI.Builder at = RedisURI.builder().withHost(host).withPort(port).withSsl(tls).withTimeout(TIMEOUT);
            authenticate(at, sentinelUsername, sentinelPassword);
            uri.withSentinel(at.build());
        }
        authenticate(uri, username, password);
        return uri.build();
    }

    /** Whom to trust. The file is read with each connection: a CA may follow another. */
    SslOptions trust() {
        SslOptions.Builder trust = SslOptions.builder().jdkSslProvider();
        return caCert.isEmpty() ? trust.build() : trust.trustManager(new File(caCert)).build();
    }

    private static void authenticate(RedisURI.Builder uri, String username, String password) {
        if (!username.isEmpty()) {
            uri.withAuthentication(username, password.toCharArray());
        } else if (!password.isEmpty()) {
            uri.withPassword(password.toCharArray());
        }
    }
}
