package io.paws360.backend.courses;

/** A course and how many of its seats are taken. */
public record Course(long id, String code, String title, String department, int capacity, int enrolled) {}
