package io.paws360.backend.courses;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.paws360.backend.cache.AnswerCache;
import java.net.URI;
import java.util.List;
import java.util.Map;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** The API of courses and enrolments. */
@RestController
@RequestMapping(path = "/api/courses", produces = MediaType.APPLICATION_JSON_VALUE)
class CourseController {

    private static final String CACHE = "courses";

    /** Who wants to enrol. */
    record EnrolmentRequest(String student) {}

    private final CourseRepository courses;
    private final AnswerCache cache;
    private final ObjectMapper json;

    CourseController(CourseRepository courses, AnswerCache cache, ObjectMapper json) {
        this.courses = courses;
        this.cache = cache;
        this.json = json;
    }

    @GetMapping
    ResponseEntity<String> list(@RequestParam(name = "q", defaultValue = "") String text) {
        String wanted = text.strip();
        if (wanted.length() > 100) {
            throw new Refused(400, "The search text is longer than 100 characters");
        }
        AnswerCache.Answer answer = cache.get(CACHE, Map.of("q", wanted), () -> write(courses.find(wanted)));
        return ResponseEntity.ok().header("X-Cache", answer.source().name()).body(answer.body());
    }

    @GetMapping("/{course}/enrolments")
    List<Enrolment> enrolments(@PathVariable("course") long course) {
        List<Enrolment> enrolments = courses.enrolments(course);
        if (enrolments.isEmpty() && !courses.exists(course)) {
            throw noSuchCourse(course);
        }
        return enrolments;
    }

    @PostMapping("/{course}/enrolments")
    ResponseEntity<Enrolment> enrol(@PathVariable("course") long course, @RequestBody EnrolmentRequest request) {
        Enrolment enrolment = courses.enrol(course, student(request)).orElseThrow(() ->
                courses.exists(course) ? new Refused(409, "The course is full") : noSuchCourse(course));
        cache.invalidate(CACHE);
        return ResponseEntity
                .created(URI.create("/api/courses/" + course + "/enrolments/" + enrolment.id()))
                .body(enrolment);
    }

    @DeleteMapping("/{course}/enrolments/{enrolment}")
    ResponseEntity<Void> withdraw(@PathVariable("course") long course, @PathVariable("enrolment") long enrolment) {
        if (!courses.withdraw(course, enrolment)) {
            throw new Refused(404, "There is no enrolment " + enrolment + " in course " + course);
        }
        cache.invalidate(CACHE);
        return ResponseEntity.noContent().build();
    }

    private static String student(EnrolmentRequest request) {
        String student = request.student() == null ? "" : request.student().strip();
        if (student.isEmpty() || student.length() > 100 || student.chars().anyMatch(Character::isISOControl)) {
            throw new Refused(400, "student must be a name of 1 to 100 characters");
        }
        return student;
    }

    private static Refused noSuchCourse(long course) {
        return new Refused(404, "There is no course " + course);
    }

    private String write(List<Course> list) {
        try {
            return json.writeValueAsString(list);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("writing courses as JSON", e);
        }
    }
}
