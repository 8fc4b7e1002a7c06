with printed as (

    select
        edition,
        city_code,
        variable_code,
        value as score
    from {{ ref('stg_published_cells') }}
    where measure = 'variable_score'

)

select
    edition,
    city_code,
    variable_code,
    score,
    'printed' as score_source
from printed

union all

select
    edition,
    city_code,
    variable_code,
    score,
    score_source
from {{ ref('int_covered_variable_scores') }}
where score_source <> 'printed'

union all

select
    coverage.edition,
    printed.city_code,
    printed.variable_code,
    printed.score,
    coverage.score_source
from {{ ref('int_variable_coverage') }} as coverage
inner join printed
    on
        coverage.fallback_edition = printed.edition
        and coverage.variable_code = printed.variable_code
inner join {{ ref('edition_cities') }} as edition_cities
    on
        coverage.edition = edition_cities.edition
        and printed.city_code = edition_cities.city_code
where coverage.score_source = 'printed'
