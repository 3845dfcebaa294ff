package io.paws360.backend.courses;

import io.paws360.backend.trace.TraceId;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.dao.DataAccessException;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.context.request.WebRequest;
import org.springframework.web.servlet.mvc.method.annotation.ResponseEntityExceptionHandler;

/** Failures as RFC 9457 problems that carry the trace identifier. */
@RestControllerAdvice
class Problems extends ResponseEntityExceptionHandler {

    private static final Logger log = LoggerFactory.getLogger(Problems.class);

    @ExceptionHandler
    ResponseEntity<ProblemDetail> refused(Refused e) {
        return problem(HttpStatus.valueOf(e.status()), e.getMessage());
    }

    @ExceptionHandler
    ResponseEntity<ProblemDetail> duplicate(DuplicateKeyException e) {
        return problem(HttpStatus.CONFLICT, "The student is enrolled already");
    }

    /** A failover takes seconds: the caller may try again. */
    @ExceptionHandler
    ResponseEntity<ProblemDetail> databaseDown(DataAccessException e) {
        log.atWarn().log("Database request failed: {}", NestedExceptionUtils.getMostSpecificCause(e).toString());
        return problem(HttpStatus.SERVICE_UNAVAILABLE, "The database does not answer at the moment");
    }

    @ExceptionHandler
    ResponseEntity<ProblemDetail> unexpected(Exception e) {
        log.atError().setCause(e).log("Request failed");
        return problem(HttpStatus.INTERNAL_SERVER_ERROR, "Something went wrong here; the log has the trace identifier");
    }

    private static ResponseEntity<ProblemDetail> problem(HttpStatus status, String detail) {
        ProblemDetail problem = ProblemDetail.forStatusAndDetail(status, detail);
        problem.setProperty(TraceId.FIELD, TraceId.current());
        var answer = ResponseEntity.status(status);
        return (status == HttpStatus.SERVICE_UNAVAILABLE ? answer.header(HttpHeaders.RETRY_AFTER, "1") : answer).body(problem);
    }

    @Override
    protected ResponseEntity<Object> createResponseEntity(
            Object body, HttpHeaders headers, HttpStatusCode status, WebRequest request) {
        if (body instanceof ProblemDetail problem) {
            problem.setProperty(TraceId.FIELD, TraceId.current());
        }
        return super.createResponseEntity(body, headers, status, request);
    }
}
