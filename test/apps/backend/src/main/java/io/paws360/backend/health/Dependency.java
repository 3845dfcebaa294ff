package io.paws360.backend.health;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;

/** How something that the backend uses was found. */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Dependency(String status, @JsonProperty("response_time_ms") long responseTimeMs, String message) {

    static final String UP = "UP";
    static final String DOWN = "DOWN";

    boolean up() {
        return UP.equals(status);
    }
}
