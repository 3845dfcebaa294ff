package io.paws360.backend.database;

import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.HikariPoolMXBean;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.sql.SQLException;
import javax.sql.DataSource;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

@Configuration(proxyBeanMethods = false)
class DatabaseConfiguration {

    /** Everyone is given the traced data source; the pool stays inside it. */
    @Bean
    static BeanPostProcessor tracedDataSource() {
        return new BeanPostProcessor() {
            @Override
            public Object postProcessAfterInitialization(Object bean, String name) {
                return bean instanceof HikariDataSource pool ? new TracedDataSource(pool, "backend") : bean;
            }
        };
    }

    @Bean
    MeterBinder databaseConnections(DataSource database) {
        return metrics -> Gauge.builder("db.connections.active", database, DatabaseConfiguration::active)
                .description("Connections to the database that serve a request at the moment")
                .register(metrics);
    }

    private static double active(DataSource database) {
        try {
            HikariPoolMXBean pool = database.unwrap(HikariDataSource.class).getHikariPoolMXBean();
            return pool == null ? 0 : pool.getActiveConnections();
        } catch (SQLException e) {
            return Double.NaN;
        }
    }
}
