package io.paws360.backend.courses;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.time.Instant;

/** A student's seat in a course. */
public record Enrolment(long id, String student, @JsonProperty("enrolled_at") Instant enrolledAt) {}
