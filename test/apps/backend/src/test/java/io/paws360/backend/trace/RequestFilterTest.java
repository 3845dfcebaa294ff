package io.paws360.backend.trace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import jakarta.servlet.ServletException;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.springframework.mock.web.MockHttpServletRequest;
import org.springframework.mock.web.MockHttpServletResponse;
import org.springframework.web.servlet.HandlerMapping;

class RequestFilterTest {

    private static final String SENT = "550e8400-e29b-41d4-a716-446655440000";

    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final RequestFilter filter = new RequestFilter(metrics);
    private final MockHttpServletRequest request = new MockHttpServletRequest("GET", "/api/courses/7/enrolments");
    private final MockHttpServletResponse response = new MockHttpServletResponse();

    @Test
    void theIdentifierIsThereWhileTheRequestIsServedAndInTheAnswer() throws Exception {
        request.addHeader(TraceId.HEADER, SENT);
        AtomicReference<String> seen = new AtomicReference<>();

        filter.doFilter(request, response, (req, res) -> seen.set(TraceId.current()));

        assertThat(seen.get()).isEqualTo(SENT);
        assertThat(response.getHeader(TraceId.HEADER)).isEqualTo(SENT);
        assertThat(TraceId.current()).isNull();
    }

    @Test
    void anAnswerHasAnIdentifierEvenWhenTheRequestHadNone() throws Exception {
        filter.doFilter(request, response, (req, res) -> {});

        assertThat(response.getHeader(TraceId.HEADER)).hasSize(36);
    }

    @Test
    void requestsAreCountedByRouteNotByAddress() throws Exception {
        filter.doFilter(request, response, (req, res) -> {
            req.setAttribute(HandlerMapping.BEST_MATCHING_PATTERN_ATTRIBUTE, "/api/courses/{course}/enrolments");
            response.setStatus(404);
        });

        assertThat(metrics.get("http.requests")
                .tags("method", "GET", "status", "404", "endpoint", "/api/courses/{course}/enrolments")
                .counter().count()).isEqualTo(1);
    }

    @Test
    void aRequestThatFailsIsCountedAndForgotten() {
        request.addHeader(TraceId.HEADER, SENT);

        assertThatThrownBy(() -> filter.doFilter(request, response, (req, res) -> {
            throw new ServletException("broken");
        })).hasMessage("broken");

        assertThat(metrics.get("http.requests").tags("status", "500", "endpoint", "other").counter().count()).isEqualTo(1);
        assertThat(TraceId.current()).isNull();
    }
}
