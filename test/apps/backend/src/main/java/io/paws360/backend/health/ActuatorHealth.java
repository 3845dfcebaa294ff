package io.paws360.backend.health;

import org.springframework.boot.actuate.health.Health;
import org.springframework.boot.actuate.health.HealthIndicator;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** The components "db" and "redis" of /actuator/health, from the one look at each. */
@Configuration(proxyBeanMethods = false)
class ActuatorHealth {

    @Bean
    HealthIndicator dbHealthIndicator(Dependencies dependencies) {
        return () -> health(dependencies.database().join());
    }

    @Bean
    HealthIndicator redisHealthIndicator(Dependencies dependencies) {
        return () -> health(dependencies.cache().join());
    }

    private static Health health(Dependency found) {
        Health.Builder health = found.up() ? Health.up() : Health.down();
        health.withDetail("response_time_ms", found.responseTimeMs());
        if (found.message() != null) {
            health.withDetail("message", found.message());
        }
        return health.build();
    }
}
