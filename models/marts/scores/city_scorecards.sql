-- The dimension columns are those that the contract declares with `meta: {dimension: true}`.
{%- set dimension_codes = dimension_columns() %}
select
    total_scores.edition,
    total_scores.city_code,
    cities.city_zh,
    cities.city_en,
    {%- for code in dimension_codes %}
        max(case when dimension_scores.dimension_code = '{{ code }}' then dimension_scores.score end) as {{ code }},
    {%- endfor %}
    total_scores.score as total_score,
    total_scores.rank as total_rank
from {{ ref('fct_total_scores') }} as total_scores
inner join {{ ref('dim_cities') }} as cities
    on total_scores.city_code = cities.city_code
inner join {{ ref('fct_dimension_scores') }} as dimension_scores
    on
        total_scores.edition = dimension_scores.edition
        and total_scores.city_code = dimension_scores.city_code
group by
    total_scores.edition, total_scores.city_code, cities.city_zh, cities.city_en,
    total_scores.score, total_scores.rank
