select
    dimension_scores.edition,
    dimension_scores.city_code,
    cities.city_zh,
    cities.city_en,
    dimension_scores.dimension_code,
    dimensions.dimension_zh,
    dimensions.dimension_en,
    dimension_scores.score,
    dimension_scores.rank,
    total_scores.rank as total_rank,
    total_scores.rank - dimension_scores.rank as relative_strength,
    cast(
        row_number() over (
            partition by dimension_scores.edition, dimension_scores.city_code
            order by dimension_scores.rank, dimensions.dimension_no
        ) as integer
    ) as strength_order
from {{ ref('fct_dimension_scores') }} as dimension_scores
inner join {{ ref('fct_total_scores') }} as total_scores
    on
        dimension_scores.edition = total_scores.edition
        and dimension_scores.city_code = total_scores.city_code
inner join {{ ref('dim_cities') }} as cities
    on dimension_scores.city_code = cities.city_code
inner join {{ ref('dim_dimensions') }} as dimensions
    on dimension_scores.dimension_code = dimensions.dimension_code
