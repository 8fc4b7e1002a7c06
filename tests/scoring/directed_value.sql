-- The better value is always the greater one; floating sums that should be equal are equal.
with cases (example, direction, measured, expected) as (
    values
    ('more is better', 'higher', cast(2.5 as double), cast(2.5 as double)),
    ('less is better', 'lower', 2.5, -2.5),
    ('a negative growth', 'higher', -3.1, -3.1),
    ('a surplus', 'nearest_to_zero', 0.25, -0.25),
    ('a deficit as large', 'nearest_to_zero', -0.25, -0.25),
    ('balanced', 'nearest_to_zero', 0.0, 0.0),
    ('floating sum', 'higher', cast(0.1 as double) + cast(0.2 as double), 0.3),
    ('differs in the ninth digit', 'higher', 1.000000001, 1.000000001),
    ('differs in the tenth digit', 'higher', 1.0000000001, 1.0),
    ('unknown', 'lower', null, null)
),

directed as (
    select
        *,
        {{ directed_value('measured', 'direction') }} as actual
    from cases
)

select * from directed
where actual is distinct from expected
