-- What a spreadsheet takes for a formula, and what it does not.
with examples (text, is_formula) as (
    values
    ('=1+1', true),
    ('+1+1', true),
    ('-1+1', true),
    ('-', true),
    ('- a remark', true),
    ('@SUM(1)', true),
    ('＝1+1', true),
    (chr(9) || '=1', true),
    (chr(10) || '=1', true),
    (chr(13) || '=1', true),
    ('-1.5', false),
    ('+3', false),
    ('1-1', false),
    ('a=b', false),
    ('−1', false),
    ('', false)
)

select *
from examples
where ({{ begins_formula('text') }}) <> is_formula
