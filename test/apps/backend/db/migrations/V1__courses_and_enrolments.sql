CREATE TABLE courses (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code       text    NOT NULL UNIQUE,
    title      text    NOT NULL,
    department text    NOT NULL,
    capacity   integer NOT NULL CHECK (capacity > 0),
    enrolled   integer NOT NULL DEFAULT 0 CHECK (enrolled BETWEEN 0 AND capacity)
);

CREATE TABLE enrolments (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    course_id   bigint NOT NULL REFERENCES courses (id),
    student     text   NOT NULL CHECK (length(student) BETWEEN 1 AND 100),
    enrolled_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (course_id, student)
);
