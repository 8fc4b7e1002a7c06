-- 1, 2, 2, 4: equal values share the better rank, a NULL has none and takes no place.
with cases (edition, city, score, expected) as (
    values
    ('a', 'c01', 90, 1), ('a', 'c02', 80, 2), ('a', 'c03', 80, 2), ('a', 'c04', 70, 4), ('a', 'c05', null, null),
    ('b', 'c01', 10, 1), ('b', 'c02', 10, 1), ('b', 'c03', 10, 1), ('b', 'c04', null, null),
    ('c', 'c01', 5, 1)
),

ranked as (
    select
        *,
        {{ competition_rank('score', 'edition') }} as actual
    from cases
)

select * from ranked
where actual is distinct from expected
