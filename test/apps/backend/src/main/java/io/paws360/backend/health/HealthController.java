package io.paws360.backend.health;

import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.lang.management.ManagementFactory;
import java.time.Instant;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** The health endpoints of NFR-OBS-004 and the metrics of NFR-OBS-003. */
@RestController
class HealthController {

    private final Dependencies dependencies;
    private final PrometheusMeterRegistry metrics;
    private final String version;
    private final Instant started = Instant.ofEpochMilli(ManagementFactory.getRuntimeMXBean().getStartTime());

    HealthController(Dependencies dependencies, PrometheusMeterRegistry metrics, @Value("${spring.application.version}") String version) {
        this.dependencies = dependencies;
        this.metrics = metrics;
        this.version = version;
    }

    @GetMapping("/health/live")
    ResponseEntity<HealthBody> live() {
        boolean alive = ManagementFactory.getThreadMXBean().findDeadlockedThreads() == null;
        return answer(HealthBody.live(alive, version, started, Instant.now()));
    }

    @GetMapping({"/health", "/health/ready"})
    ResponseEntity<HealthBody> ready() {
        var database = dependencies.database();
        var cache = dependencies.cache();
        return answer(HealthBody.ready(database.join(), cache.join(), version, started, Instant.now()));
    }

    @GetMapping(path = "/metrics", produces = "text/plain; version=0.0.4; charset=utf-8")
    String metrics() {
        return metrics.scrape();
    }

    private static ResponseEntity<HealthBody> answer(HealthBody body) {
        return ResponseEntity.status(body.serves() ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE).body(body);
    }
}
