-- With n known values the first scores n and the last 1. Ties share the better or the worse score,
-- a single city scores 1, all equal score n or 1, NULL scores NULL and does not count.
with cases (example, city, tie_rule, measured, expected) as (
    values
    ('ties better', 'c01', 'better', 9.5, 5), ('ties better', 'c02', 'better', 8.0, 4),
    ('ties better', 'c03', 'better', 8.0, 4), ('ties better', 'c04', 'better', 7.0, 2),
    ('ties better', 'c05', 'better', -1.0, 1), ('ties better', 'c06', 'better', null, null),
    ('ties worse', 'c01', 'worse', 9.5, 5), ('ties worse', 'c02', 'worse', 8.0, 3),
    ('ties worse', 'c03', 'worse', 8.0, 3), ('ties worse', 'c04', 'worse', 7.0, 2),
    ('ties worse', 'c05', 'worse', -1.0, 1), ('ties worse', 'c06', 'worse', null, null),
    ('one city better', 'c01', 'better', 3.0, 1), ('one city worse', 'c01', 'worse', 3.0, 1),
    ('all equal better', 'c01', 'better', 3.0, 3), ('all equal better', 'c02', 'better', 3.0, 3),
    ('all equal better', 'c03', 'better', 3.0, 3),
    ('all equal worse', 'c01', 'worse', 3.0, 1), ('all equal worse', 'c02', 'worse', 3.0, 1),
    ('all null', 'c01', 'better', null, null), ('all null', 'c02', 'better', null, null)
),

scored as (
    select
        *,
        {{ rank_score('measured', 'tie_rule', 'example') }} as actual
    from cases
)

select * from scored
where actual is distinct from expected
