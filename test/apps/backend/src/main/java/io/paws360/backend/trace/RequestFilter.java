package io.paws360.backend.trace;

import io.micrometer.core.instrument.MeterRegistry;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;
import org.slf4j.event.Level;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.stereotype.Component;
import org.springframework.web.filter.OncePerRequestFilter;
import org.springframework.web.servlet.HandlerMapping;

/** Gives each request its trace identifier, its log line and its metrics. */
@Component
@Order(Ordered.HIGHEST_PRECEDENCE)
class RequestFilter extends OncePerRequestFilter {

    private static final Logger log = LoggerFactory.getLogger("io.paws360.backend.http");

    private final MeterRegistry metrics;

    RequestFilter(MeterRegistry metrics) {
        this.metrics = metrics;
    }

    @Override
    protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws ServletException, IOException {
        String trace = TraceId.takeOrMake(request.getHeader(TraceId.HEADER));
        response.setHeader(TraceId.HEADER, trace);
        long start = System.nanoTime();
        try (var ignored = MDC.putCloseable(TraceId.FIELD, trace)) {
            int status = 500;
            try {
                chain.doFilter(request, response);
                status = response.getStatus();
            } finally {
                tell(request, status, Duration.ofNanos(System.nanoTime() - start));
            }
        }
    }

    private void tell(HttpServletRequest request, int status, Duration taken) {
        String endpoint = endpoint(request);
        String[] tags = {"method", request.getMethod(), "status", Integer.toString(status), "endpoint", endpoint};
        metrics.counter("http.requests", tags).increment();
        metrics.timer("http.request.duration", tags).record(taken);
        // Probes and scrapes come every few seconds and say nothing new.
        Level level = endpoint.startsWith("/api/") ? Level.INFO : Level.DEBUG;
        log.atLevel(level)
                .addKeyValue("method", request.getMethod())
                .addKeyValue("path", request.getRequestURI())
                .addKeyValue("status", status)
                .addKeyValue("duration_ms", taken.toMillis())
                .log("{} {} answered {}", request.getMethod(), endpoint, status);
    }

    /** The route, not the address: addresses without end would be metrics without end. */
    private static String endpoint(HttpServletRequest request) {
        Object pattern = request.getAttribute(HandlerMapping.BEST_MATCHING_PATTERN_ATTRIBUTE);
        return pattern == null || pattern.equals("/**") ? "other" : pattern.toString();
    }
}
