package io.paws360.backend.cache;

import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import io.lettuce.core.SocketOptions;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.resource.ClientResources;
import io.lettuce.core.support.ConnectionPoolSupport;
import io.paws360.backend.trace.TraceId;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.apache.commons.pool2.impl.GenericObjectPool;
import org.apache.commons.pool2.impl.GenericObjectPoolConfig;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.stereotype.Component;

/**
 * Two connections to the Redis master (NFR-PERF-002). A connection that failed
 * is dropped, and the next one asks Sentinel anew who the master is: that is the
 * whole of following a failover, and it needs no background work.
 */
@Component
@EnableConfigurationProperties(RedisSettings.class)
public class Redis implements DisposableBean {

    private static final String CLIENT_NAME = "backend";

    private final ClientResources resources =
            ClientResources.builder().ioThreadPoolSize(2).computationThreadPoolSize(2).build();
    private final RedisClient client = RedisClient.create(resources);
    private final GenericObjectPool<StatefulRedisConnection<String, String>> pool;

    Redis(RedisSettings settings) {
        client.setOptions(ClientOptions.builder()
                .autoReconnect(false)
                .socketOptions(SocketOptions.builder().connectTimeout(RedisSettings.TIMEOUT).keepAlive(true).build())
                .sslOptions(settings.trust())
                .timeoutOptions(TimeoutOptions.enabled(RedisSettings.TIMEOUT))
                .build());
        RedisURI uri = settings.uri(CLIENT_NAME);
        GenericObjectPoolConfig<StatefulRedisConnection<String, String>> limits = new GenericObjectPoolConfig<>();
        limits.setMaxTotal(2);
        limits.setMaxIdle(2);
        limits.setMaxWait(Duration.ofMillis(500));
        limits.setTestOnBorrow(true);
        limits.setJmxEnabled(false);
        pool = ConnectionPoolSupport.createGenericObjectPool(() -> client.connect(uri), limits, false);
    }

    /** Runs commands on a connection that carries the name of the request (NFR-OBS-002). */
    public <T> T run(Function<RedisCommands<String, String>, T> commands) throws RedisUnavailable {
        StatefulRedisConnection<String, String> connection = null;
        try {
            connection = pool.borrowObject();
            String trace = TraceId.current();
            // Sent ahead, not waited for: Redis answers in order.
            if (trace != null) {
                connection.async().clientSetname(trace);
            }
            T result = commands.apply(connection.sync());
            if (trace != null) {
                connection.async().clientSetname(CLIENT_NAME);
            }
            pool.returnObject(connection);
            return result;
        } catch (Exception e) {
            drop(connection);
            throw new RedisUnavailable(e);
        }
    }

    private void drop(StatefulRedisConnection<String, String> connection) {
        if (connection == null) {
            return;
        }
        try {
            pool.invalidateObject(connection);
        } catch (Exception e) {
            connection.closeAsync();
        }
    }

    @Override
    public void destroy() {
        pool.close();
        client.shutdown(Duration.ZERO, Duration.ofSeconds(1));
        resources.shutdown(0, 1, TimeUnit.SECONDS);
    }
}
