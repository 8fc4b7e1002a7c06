select
    city_code as subject_code,
    city_zh as subject_zh,
    city_en as subject_en
from {{ ref('dim_cities') }}
union all
select
    dimension_code,
    dimension_zh,
    dimension_en
from {{ ref('dim_dimensions') }}
union all
select
    concat(first.dimension_code, '+', second.dimension_code),
    concat(first.dimension_zh, ' + ', second.dimension_zh),
    concat(first.dimension_en, ' + ', second.dimension_en)
from {{ ref('dim_dimensions') }} as first
inner join {{ ref('dim_dimensions') }} as second
    on first.dimension_code < second.dimension_code
union all
select
    subject_code,
    subject_zh,
    subject_en
from {{ ref('bulletin_subjects') }}
where city_code is null
