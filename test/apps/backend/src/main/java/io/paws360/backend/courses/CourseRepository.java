package io.paws360.backend.courses;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Repository;

/** Courses and enrolments in PostgreSQL. Each change is one statement, so atomic. */
@Repository
class CourseRepository {

    private final JdbcClient sql;

    CourseRepository(JdbcClient sql) {
        this.sql = sql;
    }

    /** Courses whose code, title or department contains the text, all when it is empty. */
    List<Course> find(String text) {
        return sql.sql("""
                        SELECT id, code, title, department, capacity, enrolled FROM courses
                        WHERE position(lower(:text) IN lower(concat_ws(' ', code, title, department))) > 0
                        ORDER BY code
                        """)
                .param("text", text)
                .query(Course.class)
                .list();
    }

    boolean exists(long course) {
        return sql.sql("SELECT count(*) FROM courses WHERE id = :id").param("id", course).query(Long.class).single() > 0;
    }

    List<Enrolment> enrolments(long course) {
        return sql.sql("SELECT id, student, enrolled_at FROM enrolments WHERE course_id = :course ORDER BY enrolled_at, id")
                .param("course", course)
                .query(CourseRepository::enrolment)
                .list();
    }

    /** Takes a seat; empty when there is none to take. */
    Optional<Enrolment> enrol(long course, String student) {
        return sql.sql("""
                        WITH seat AS (
                            UPDATE courses SET enrolled = enrolled + 1
                            WHERE id = :course AND enrolled < capacity
                            RETURNING id)
                        INSERT INTO enrolments (course_id, student) SELECT id, :student FROM seat
                        RETURNING id, student, enrolled_at
                        """)
                .param("course", course)
                .param("student", student)
                .query(CourseRepository::enrolment)
                .optional();
    }

    /** Gives a seat back; false when there was no such enrolment. */
    boolean withdraw(long course, long enrolment) {
        return sql.sql("""
                        WITH gone AS (
                            DELETE FROM enrolments WHERE id = :enrolment AND course_id = :course
                            RETURNING course_id)
                        UPDATE courses SET enrolled = enrolled - 1 FROM gone WHERE courses.id = gone.course_id
                        """)
                .param("course", course)
                .param("enrolment", enrolment)
                .update() > 0;
    }

    private static Enrolment enrolment(ResultSet row, int number) throws SQLException {
        return new Enrolment(row.getLong("id"), row.getString("student"), row.getTimestamp("enrolled_at").toInstant());
    }
}
