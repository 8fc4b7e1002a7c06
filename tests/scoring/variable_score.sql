-- The three scoring methods side by side. Cities that a list does not name get 1, listed ones score among
-- all cities; a level's points are the score; what is not known is not scored by any method.
with cases (example, city, scoring_method, tie_rule, measured, is_listed, expected) as (
    values
    ('rank', 'c01', 'rank', 'better', 9, true, 3), ('rank', 'c02', 'rank', 'better', 9, true, 3),
    ('rank', 'c03', 'rank', 'better', 1, true, 1), ('rank', 'c04', 'rank', 'better', null, null, null),
    ('listed better', 'c01', 'listed_rank', 'better', 9, true, 6),
    ('listed better', 'c02', 'listed_rank', 'better', 4, true, 5),
    ('listed better', 'c03', 'listed_rank', 'better', 4, true, 5),
    ('listed better', 'c04', 'listed_rank', 'better', null, false, 1),
    ('listed better', 'c05', 'listed_rank', 'better', 0, false, 1),
    ('listed better', 'c06', 'listed_rank', 'better', 0, false, 1),
    ('listed better', 'c07', 'listed_rank', 'better', null, null, null),
    ('listed worse', 'c01', 'listed_rank', 'worse', 9, true, 4),
    ('listed worse', 'c02', 'listed_rank', 'worse', 4, true, 2),
    ('listed worse', 'c03', 'listed_rank', 'worse', 4, true, 2),
    ('listed worse', 'c04', 'listed_rank', 'worse', null, false, 1),
    ('none listed', 'c01', 'listed_rank', 'better', null, false, 1),
    ('none listed', 'c02', 'listed_rank', 'better', null, false, 1),
    ('level', 'c01', 'level_points', 'better', 60, true, 60),
    ('level', 'c02', 'level_points', 'better', 5, true, 5),
    ('level', 'c03', 'level_points', 'better', null, true, null)
),

scored as (
    select
        *,
        {{ variable_score('measured', 'scoring_method', 'tie_rule', 'is_listed', 'example') }} as actual
    from cases
)

select * from scored
where actual is distinct from expected
