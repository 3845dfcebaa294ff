INSERT INTO courses (code, title, department, capacity) VALUES
    ('BIO-110', 'Animal Behaviour',           'Natural sciences', 24),
    ('CHM-120', 'Chemistry of Materials',     'Natural sciences', 30),
    ('CSC-101', 'Programming with Care',      'Computing',        40),
    ('CSC-240', 'Distributed Systems',        'Computing',        24),
    ('CSC-310', 'Databases from the Inside',  'Computing',        18),
    ('ENG-205', 'Writing that Reads Well',    'Humanities',       16),
    ('HIS-130', 'Cities and Rivers',          'Humanities',       35),
    ('MAT-215', 'Linear Algebra',             'Mathematics',      40),
    ('PHY-201', 'Waves and Light',            'Natural sciences', 20),
    ('STA-150', 'Statistics for the Curious', 'Mathematics',      32);
