INSERT INTO courses (code, title, instructor, capacity) VALUES
    ('BIO-110', 'Animal Behaviour',           'Imani Okafor',    24),
    ('CHM-120', 'Chemistry of Materials',     'Lucas Brandt',    30),
    ('CSC-101', 'Programming with Care',      'Ada Lindqvist',   40),
    ('CSC-240', 'Distributed Systems',        'Ravi Menon',      24),
    ('CSC-310', 'Databases from the Inside',  'Marta Kowalska',  18),
    ('ENG-205', 'Writing that Reads Well',    'Joan Whitaker',   16),
    ('HIS-130', 'Cities and Rivers',          'Tomás Herrera',   35),
    ('MAT-215', 'Linear Algebra',             'Noor Rahman',     40),
    ('PHY-201', 'Waves and Light',            'Emil Sørensen',   20),
    ('STA-150', 'Statistics for the Curious', 'Grace Mbeki',     32);
